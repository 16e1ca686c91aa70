// swift-tools-version: 6.2

import Foundation
import PackageDescription

let package = Package(
    name: "Quickstart",
    platforms: [.macOS(.v15)],
    traits: [
        .trait(name: "Postgres", description: "Take --database postgres://…, which needs libpq to build and to run."),
        .trait(name: "Redis", description: "Take --cache redis://…, which needs hiredis and OpenSSL."),
    ],
    dependencies: [
        // Named, because a package by path is otherwise called as the directory that it was cloned into.
        .package(name: "Tenancy", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "Quickstart",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tenancy", package: "Tenancy"),
                .product(name: "TenancyPostgres", package: "Tenancy", condition: .when(traits: ["Postgres"])),
                .product(name: "TenancyRedis", package: "Tenancy", condition: .when(traits: ["Redis"])),
                .product(name: "TenancySQLite", package: "Tenancy"),
            ]
        ),
        .testTarget(name: "QuickstartTests", dependencies: ["Quickstart"]),
    ],
    swiftLanguageModes: [.v6]
)

// CI sets the variable; a dependency's warnings are not ours to fail on, which a flag on the command line would do.
let warningsAreErrors = ProcessInfo.processInfo.environment["TENANCY_WARNINGS_AS_ERRORS"] == "1"

for target in package.targets {
    var settings: [SwiftSetting] = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if warningsAreErrors { settings.append(.treatAllWarnings(as: .error)) }
    target.swiftSettings = settings
}
