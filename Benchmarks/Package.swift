// swift-tools-version: 6.2

import Foundation
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    traits: [
        .trait(name: "Postgres", description: "The benchmarks of PostgreSQL, for which libpq has to be there."),
        .trait(name: "Redis", description: "The benchmarks of Redis, for which hiredis and OpenSSL have to be there."),
    ],
    dependencies: [
        // Named, because a package by path is otherwise called as the directory that it was cloned into.
        .package(name: "Tenancy", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "CFloor",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Tenancy", package: "Tenancy"),
                .product(name: "TenancyPostgres", package: "Tenancy", condition: .when(traits: ["Postgres"])),
                .product(name: "TenancyRedis", package: "Tenancy", condition: .when(traits: ["Redis"])),
                .product(name: "TenancySQLite", package: "Tenancy"),
            ]
        ),
        // What the SDK is compared with: the C libraries themselves, used as one would by hand.
        .target(
            name: "CFloor",
            cSettings: [.define("TENANCY_FLOOR_REDIS", .when(traits: ["Redis"]))],
            linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("hiredis", .when(traits: ["Redis"]))]),
    ],
    swiftLanguageModes: [.v6]
)

// CI sets the variable; a dependency's warnings are not ours to fail on, which a flag on the command line would do.
let warningsAreErrors = ProcessInfo.processInfo.environment["TENANCY_WARNINGS_AS_ERRORS"] == "1"

for target in package.targets where target.name != "CFloor" {
    var settings: [SwiftSetting] = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if warningsAreErrors { settings.append(.treatAllWarnings(as: .error)) }
    target.swiftSettings = settings
}
