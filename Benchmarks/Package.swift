// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "holdfast-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "holdfast", path: "..")],
    targets: [
        .executableTarget(name: "CoreBenchmarks", dependencies: [.product(name: "Holdfast", package: "holdfast")])
    ]
)

for target in package.targets {
    target.swiftSettings = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]
}
