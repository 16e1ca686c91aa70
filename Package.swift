// swift-tools-version: 6.2

import Foundation
import PackageDescription

let package = Package(
    name: "Tenancy",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Tenancy", targets: ["Tenancy"]),
        .library(name: "TenancyCore", targets: ["TenancyCore"]),
        .library(name: "TenancyRedis", targets: ["TenancyRedis"]),
        .library(name: "TenancyPostgres", targets: ["TenancyPostgres"]),
        .library(name: "TenancySQLite", targets: ["TenancySQLite"]),
        .library(name: "TenancyTesting", targets: ["TenancyTesting"]),
        .library(name: "TenancyZstd", targets: ["TenancyZstd"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["JSON", "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.3"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    ],
    targets: [
        .target(name: "TenancyCore", dependencies: [.product(name: "Logging", package: "swift-log")]),
        .target(
            name: "Tenancy",
            dependencies: [
                "TenancyCore",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .target(name: "CTenancyIO"),
        .target(name: "TenancyIO", dependencies: ["CTenancyIO", "TenancyCore"]),
        .target(name: "TenancyTesting", dependencies: ["Tenancy", "TenancyCore"]),
        .target(name: "CTenancySQLite", path: "Adapters/SQLite/Sources/CTenancySQLite"),
        .target(
            name: "TenancySQLite",
            dependencies: [
                "CTenancySQLite", "TenancyCore", "TenancyIO",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Adapters/SQLite/Sources/TenancySQLite"
        ),
        .target(
            name: "TenancyPostgres", dependencies: ["TenancyCore", "TenancyIO", "CLibpq"],
            path: "Adapters/Postgres/Sources/TenancyPostgres"
        ),
        .target(
            name: "TenancyRedis", dependencies: ["CHiredis", "COpenSSL", "TenancyCore", "TenancyIO"],
            path: "Adapters/Redis/Sources/TenancyRedis"
        ),
        .target(
            name: "TenancyZstd", dependencies: ["CZstd", "TenancyCore"], path: "Adapters/Zstd/Sources/TenancyZstd"),
        .target(name: "TestServers", path: "Tests/TestServers"),
        .target(
            name: "Coherence",
            dependencies: [
                "Tenancy", "TenancyCore", "TenancyPostgres", "TenancyRedis",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Coherence"),
        .executableTarget(name: "check-coherence", dependencies: ["Coherence"], path: "Tests/CheckCoherence"),
        .testTarget(name: "CoherenceTests", dependencies: ["Coherence", "TestServers", "check-coherence"]),
        .testTarget(name: "TenancyCoreTests", dependencies: ["TenancyCore"]),
        .testTarget(name: "TenancyIOTests", dependencies: ["TenancyCore", "TenancyIO"]),
        .testTarget(name: "TenancyTests", dependencies: ["Tenancy", "TenancyCore", "TenancyTesting"]),
        .testTarget(name: "TenancyTestingTests", dependencies: ["Tenancy", "TenancyCore", "TenancyTesting"]),
        .testTarget(
            name: "TenancySQLiteTests",
            dependencies: [
                "Tenancy", "TenancyCore", "TenancyIO", "TenancySQLite", "TenancyTesting",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Adapters/SQLite/Tests/TenancySQLiteTests"
        ),
        .testTarget(
            name: "TenancyPostgresTests",
            dependencies: [
                "CLibpq", "Tenancy", "TenancyCore", "TenancyIO", "TenancyPostgres", "TenancyTesting", "TestServers",
            ],
            path: "Adapters/Postgres/Tests/TenancyPostgresTests"
        ),
        .testTarget(
            name: "TenancyRedisTests",
            dependencies: [
                "Coherence", "Tenancy", "TenancyCore", "TenancyIO", "TenancyRedis", "TenancyTesting", "TestServers",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Adapters/Redis/Tests/TenancyRedisTests"
        ),
        .testTarget(
            name: "TenancyZstdTests", dependencies: ["Tenancy", "TenancyCore", "TenancyTesting", "TenancyZstd"],
            path: "Adapters/Zstd/Tests/TenancyZstdTests"
        ),
        .testTarget(
            name: "DocumentationTests",
            dependencies: ["Tenancy", "TenancyCore", "TenancyPostgres", "TenancyRedis", "TenancySQLite"]),
        .systemLibrary(
            name: "CLibpq", path: "Adapters/Postgres/Sources/CLibpq", pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(
            name: "CMySQL", path: "Adapters/MySQL/Sources/CMySQL", pkgConfig: "mysqlclient",
            providers: [.apt(["default-libmysqlclient-dev"]), .brew(["mysql-client"])]),
        .systemLibrary(
            name: "CMongoC", path: "Adapters/MongoDB/Sources/CMongoC", pkgConfig: "libmongoc-1.0",
            providers: [.apt(["libmongoc-dev"]), .brew(["mongo-c-driver"])]),
        .systemLibrary(
            name: "CHiredis", path: "Adapters/Redis/Sources/CHiredis",
            providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Adapters/Redis/Sources/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(
            name: "CZstd", path: "Adapters/Zstd/Sources/CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
        .testTarget(name: "ServiceTests", dependencies: ["CLibpq", "CMySQL", "CMongoC", "CHiredis", "TestServers"]),
    ],
    swiftLanguageModes: [.v6]
)

// `scripts/sanitize` names the tests that it wants, because a build of all of them with a sanitizer takes too long.
if let names = ProcessInfo.processInfo.environment["TENANCY_TEST_TARGETS"], !names.isEmpty {
    let wanted = Set(names.split(separator: " ").map(String.init))
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}

// CI sets the variable; a dependency's warnings are not ours to fail on, which a flag on the command line would do.
let warningsAreErrors = ProcessInfo.processInfo.environment["TENANCY_WARNINGS_AS_ERRORS"] == "1"

for target in package.targets where target.type != .system {
    var settings: [SwiftSetting] = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if warningsAreErrors {
        settings.append(.treatAllWarnings(as: .error))
    }
    target.swiftSettings = settings
}
