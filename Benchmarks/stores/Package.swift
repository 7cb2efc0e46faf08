// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "holdfast-store-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "holdfast", path: "../..", traits: ["SQLite", "PostgreSQL", "Valkey"])],
    targets: [
        .executableTarget(
            name: "StoreBenchmarks",
            dependencies: [
                .product(name: "HoldfastIdempotency", package: "holdfast"),
                .product(name: "HoldfastSQLite", package: "holdfast"),
                .product(name: "HoldfastPostgres", package: "holdfast"),
                .product(name: "HoldfastValkey", package: "holdfast"),
            ])
    ]
)
