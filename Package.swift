// swift-tools-version: 6.2
import PackageDescription

// Floors: a target imports only from floors below it. Each product can be depended on alone.
// SwiftPM resolves every dependency of a manifest for every consumer unless a trait that is off guards it,
// so what is heavy sits behind a trait, and none is on by default.
let package = Package(
    name: "holdfast",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "HoldfastMachines", targets: ["HoldfastMachines"]),
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .library(name: "HoldfastTesting", targets: ["HoldfastTesting"]),
        .library(name: "HoldfastIdempotency", targets: ["HoldfastIdempotency"]),
        .library(name: "HoldfastIdempotencyTesting", targets: ["HoldfastIdempotencyTesting"]),
        .library(name: "HoldfastHTTP", targets: ["HoldfastHTTP"]),
        .library(name: "HoldfastTelemetry", targets: ["HoldfastTelemetry"]),
        .library(name: "HoldfastSQLite", targets: ["HoldfastSQLite"]),
        .library(name: "HoldfastPostgres", targets: ["HoldfastPostgres"]),
        .library(name: "HoldfastValkey", targets: ["HoldfastValkey"]),
        .library(name: "HoldfastGateway", targets: ["HoldfastGateway"]),
        .library(name: "HoldfastCommands", targets: ["HoldfastCommands"]),
        .executable(name: "holdfast", targets: ["HoldfastExecutable"]),
    ],
    traits: [
        .trait(name: "SQLite", description: "The embedded store, HoldfastSQLite: brings GRDB."),
        .trait(
            name: "PostgreSQL",
            description: "The shared store, HoldfastPostgres: loads the system's libpq when it is opened."),
        .trait(name: "Valkey", description: "The fast shared store, HoldfastValkey: brings SwiftNIO and its TLS."),
        .trait(
            name: "Gateway",
            description:
                "The gateway and the command `holdfast`: brings SwiftNIO, Hummingbird and the argument parser.",
            enabledTraits: ["SQLite", "PostgreSQL", "Valkey"]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto.git", "3.12.3"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.19.4"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.20.0"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.44.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        // Floor 0: what decides, with nothing but the standard library; Scripts/check-embedded holds it to that.
        .target(name: "HoldfastMachines"),
        // Floor 1
        .target(name: "Holdfast", dependencies: ["HoldfastMachines"]),
        // Floor 2
        .target(
            name: "HoldfastIdempotency",
            dependencies: ["HoldfastMachines", "Holdfast", .product(name: "Crypto", package: "swift-crypto")]
        ),
        // Floor 3
        .target(name: "HoldfastTesting", dependencies: ["Holdfast"]),
        .target(
            name: "HoldfastIdempotencyTesting", dependencies: ["Holdfast", "HoldfastIdempotency", "HoldfastTesting"]),
        .target(
            name: "HoldfastSQLite",
            dependencies: [
                "Holdfast", "HoldfastIdempotency",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
                .product(name: "GRDBSQLite", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
            ]
        ),
        .target(name: "HoldfastPostgres", dependencies: ["Holdfast", "HoldfastIdempotency"]),
        // How TLS is spoken, and who the other side has to be: for the gateway and the stores that are reached so.
        .target(
            name: "HoldfastTLS",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOTLS", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Valkey"])),
                .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(traits: ["Valkey"])),
                .product(name: "X509", package: "swift-certificates", condition: .when(traits: ["Valkey"])),
            ]
        ),
        .target(
            name: "HoldfastValkey",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", "HoldfastTLS",
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Valkey"])),
            ]
        ),
        .target(
            name: "HoldfastHTTP",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", .product(name: "HTTPTypes", package: "swift-http-types"),
            ]
        ),
        .target(name: "HoldfastTelemetry"),
        // Floor 4
        .target(
            name: "HoldfastGateway",
            dependencies: [
                "Holdfast", "HoldfastHTTP", "HoldfastIdempotency", "HoldfastTelemetry", "HoldfastTLS",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Gateway"])),
                .product(name: "JWTKit", package: "jwt-kit", condition: .when(traits: ["Gateway"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHPACK", package: "swift-nio-http2", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP2", package: "swift-nio-http2", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOTLS", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Gateway"])),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Gateway"])),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["Gateway"])),
            ],
            resources: [
                "page.html", "page.css", "icon.svg", "page.js", "parts.js", "lines.js", "model.js", "breakers.js",
                "services.js", "routes.js", "requests.js", "keys.js", "find.js", "transitions.js", "trouble.js",
                "demo.js",
            ].map { .embedInCode("Resources/\($0)") }
        ),
        // Floor 5
        .target(
            name: "HoldfastCommands",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", "HoldfastGateway", "HoldfastHTTP", "HoldfastSQLite",
                "HoldfastPostgres", "HoldfastValkey",
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Gateway"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "UnixSignals", package: "swift-service-lifecycle", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["Gateway"])),
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Gateway"])),
            ]
        ),
        // Its name differs from the library's by more than case: a volume that does not tell case apart has one folder for
        // both, and the build one module.
        .executableTarget(name: "HoldfastExecutable", dependencies: ["HoldfastCommands"]),
        // Proof: what the drills kill and stop.
        .executableTarget(
            name: "DrillWorker",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", "HoldfastSQLite", "HoldfastPostgres", "HoldfastValkey",
            ],
            path: "Verification/DrillWorker"
        ),
        // Proof: every parser, fed with what nobody would send.
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Holdfast", "HoldfastMachines", "HoldfastIdempotency", "HoldfastHTTP", "HoldfastPostgres",
                "HoldfastValkey", "HoldfastGateway", "HoldfastCommands",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHPACK", package: "swift-nio-http2", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Gateway"])),
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Gateway"])),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Gateway"])),
            ],
            path: "Verification/Fuzz"
        ),
        // Tests
        .target(
            name: "TestSupport", dependencies: ["Holdfast", "HoldfastIdempotency", "HoldfastTesting"],
            path: "Tests/TestSupport"),
        .testTarget(
            name: "HoldfastMachinesTests", dependencies: ["HoldfastMachines", "HoldfastTesting", "TestSupport"]),
        .testTarget(
            name: "HoldfastTests", dependencies: ["Holdfast", "HoldfastMachines", "HoldfastTesting", "TestSupport"]),
        .testTarget(
            name: "HoldfastIdempotencyTests",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", "HoldfastIdempotencyTesting", "HoldfastTesting", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .testTarget(
            name: "HoldfastHTTPTests",
            dependencies: [
                "Holdfast", "HoldfastHTTP", "HoldfastIdempotency", "HoldfastTesting", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        .testTarget(
            name: "HoldfastTLSTests",
            dependencies: [
                "HoldfastTLS", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Valkey"])),
            ]),
        .testTarget(
            name: "HoldfastSQLiteTests",
            dependencies: [
                "Holdfast", "HoldfastIdempotency", "HoldfastSQLite", "HoldfastIdempotencyTesting", "HoldfastTesting",
                "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
            ]
        ),
        .testTarget(
            name: "HoldfastPostgresTests",
            dependencies: [
                "Holdfast", "HoldfastPostgres", "HoldfastIdempotency", "HoldfastIdempotencyTesting", "HoldfastTesting",
                "TestSupport",
            ]),
        .testTarget(
            name: "HoldfastValkeyTests",
            dependencies: [
                "Holdfast", "HoldfastValkey", "HoldfastIdempotency", "HoldfastIdempotencyTesting", "HoldfastTesting",
                "TestSupport",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Valkey"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["Valkey"])),
            ]),
        .testTarget(
            name: "HoldfastGatewayTests",
            dependencies: [
                "Holdfast", "HoldfastGateway", "HoldfastHTTP", "HoldfastIdempotency", "HoldfastSQLite",
                "HoldfastTelemetry", "HoldfastTesting", "HoldfastTLS", "TestSupport", "HoldfastCommands",
                // Tests run it.
                "HoldfastExecutable",
                .product(name: "JWTKit", package: "jwt-kit", condition: .when(traits: ["Gateway"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHPACK", package: "swift-nio-http2", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOHTTP2", package: "swift-nio-http2", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras", condition: .when(traits: ["Gateway"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Gateway"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["Gateway"])),
            ]
        ),
    ]
)

for target in package.targets {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
