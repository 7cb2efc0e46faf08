// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "holdfast-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "holdfast", path: ".."),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.0"),
    ],
    targets: [
        .executableTarget(name: "FirstPolicy", dependencies: [.product(name: "Holdfast", package: "holdfast")]),
        .executableTarget(
            name: "CallsOverGRPC",
            dependencies: [
                .product(name: "Holdfast", package: "holdfast"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCInProcessTransport", package: "grpc-swift-2"),
            ]),
    ]
)
