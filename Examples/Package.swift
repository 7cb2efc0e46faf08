// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "holdfast-examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "holdfast", path: "..")],
    targets: [
        .executableTarget(name: "FirstPolicy", dependencies: [.product(name: "Holdfast", package: "holdfast")])
    ]
)
