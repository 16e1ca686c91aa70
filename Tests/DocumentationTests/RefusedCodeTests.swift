import Foundation
import Testing

/// What the library promises not to compile, type-checked against the modules that the tests were built from.
@Suite struct RefusedCodeTests {
    /// Each line that ends in `// refused` must be an error, and no other line may be one.
    private static let code = #"""
        import Foundation
        import Tenancy

        struct Flight: Entity {
            var id: Int
            var origin: String
            var gate: String?
            var delay: Int?
            var price: Decimal
            var isLate: Bool
            var note: JSON
            static let schema = EntitySchema(
                "flights", Flight.init, .key("id", \.id), .field("origin", \.origin), .field("gate", \.gate),
                .field("delay", \.delay), .field("price", \.price), .field("is_late", \.isLate), .field("note", \.note))
        }
        struct Plane: Entity {
            var id: String
            static let schema = EntitySchema("planes", Plane.init, .key("id", \.id))
        }
        struct Plain { var id: Int }

        func filters(_ flights: TenantQuery<Flight>) {
            _ = flights.where { $0.origin == "JFK" && $0.delay > 60 && !$0.origin.hasPrefix("E") }
            _ = flights.where { $0.orign == "JFK" } // refused
            _ = flights.where { $0.origin == 5 } // refused
            _ = flights.where { $0.delay > "late" } // refused
            _ = flights.where { $0.delay == nil || $0.delay.isNull }
            _ = flights.where { $0.origin == nil } // refused
            _ = flights.where { $0.origin.isNull } // refused
            _ = flights.where { $0.origin.contains("J") }
            _ = flights.where { $0.delay.contains("6") } // refused
            _ = flights.where { $0.id.hasPrefix("6") } // refused
            _ = flights.where { $0.delay.isIn([1, 2]) }
            let delays = [1, 2]
            _ = flights.where { $0.delay.isIn(delays) || $0.delay.isIn(Set(delays)) || $0.delay.isIn([1, nil]) }
            _ = flights.where { $0.origin.isIn([1, 2]) } // refused
            _ = flights.where { $0.price.isBetween(1, 2) }
            _ = flights.where { $0.isLate < true } // refused
            _ = flights.where { $0.note < JSON(.null) } // refused
            _ = flights.where { $0.origin.count > 3 } // refused
            _ = flights.sorted(by: \.origin).sorted(by: \.gate)
            _ = flights.sorted(by: \.note) // refused
            _ = flights.sorted(by: \.orign) // refused
            _ = flights.sorted(by: "orign") // refused
            _ = flights.where(.isNull(field: "orign")) // refused
            _ = flights.untyped.where(.isNull(field: "origin")).sorted(by: "origin")
        }

        func figures(_ flights: TenantQuery<Flight>) async throws {
            _ = try await flights.aggregate(.sum(\.delay))
            _ = try await flights.aggregate(.sum(\.origin)) // refused
            _ = try await flights.aggregate([AggregateFunction(.sum, "orign")]) // refused
            _ = try await flights.update([Assignment("orign", .set(1))]) // refused
            _ = try await flights.grouped(by: \.origin, \.gate, figures: .count(), .sum(\.delay))
            _ = try await flights.grouped(by: \.origin, \.gat, figures: .count()) // refused
            _ = try await flights.aggregate(.average(\.price))
            _ = try await flights.aggregate(.average(\.isLate)) // refused
            _ = try await flights.aggregate(.maximum(\.note)) // refused
            _ = try await flights.update(.set(\.gate, to: "B12"))
            _ = try await flights.update(.set(\.delay, to: "B12")) // refused
            _ = try await flights.update(.add(1, to: \.delay))
            _ = try await flights.update(.add(1, to: \.origin)) // refused
        }

        func calls(_ sdk: MultiTenantSDK, _ united: TenantHandle, _ flight: Flight) async throws {
            _ = try await united.read(Flight.self, 1)
            _ = try await united.read(Flight.self, "one") // refused
            _ = try await united.read(Plane.self, 1) // refused
            _ = try await united.search(Plane.self, "a") { $0.id == "b" }
            _ = try await united.search(Plane.self, "a") { $0.name == "b" } // refused
            _ = try await united.create(flight)
            _ = try await sdk.create(flight) // refused
            _ = try await sdk.data.create(flight) // refused
            _ = try await sdk.data.read(Flight.self, 1) // refused
            _ = try await united.create(Plain(id: 1)) // refused
            _ = try await sdk.tenant("UA")
            _ = try await sdk.tenant() // refused
            _ = united.query(Flight.self)
            _ = sdk.query(Flight.self) // refused
            _ = try TenantID("UA")
            _ = TenantID(rawValue: "_system") // refused
            _ = TenantID.system // refused
            _ = sdk.data.systemHandle // refused
            try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in }
            try await sdk.withSystemAccess { _ in } // refused
            try await united.transaction { transaction in _ = try await transaction.create(flight) }
        }

        let right = EntitySchema("planes", Plane.init, .key("id", \.id))
        let misspelled = EntitySchema("planes", Plane.init, .key("id", \.name)) // refused
        let missing = EntitySchema("planes", Plane.init) // refused
        let another = EntitySchema("flights", Flight.init, .key("id", \.id), .field("origin", \.delay)) // refused
        """#

    @Test("What must not compile doesn't, and its correct siblings do")
    func refused() throws {
        let mistakes = try Self.mistakes(in: Self.code)
        #expect(mistakes.isEmpty)
    }

    @Test("A line that compiles and must not, or doesn't and must, is noticed")
    func noticed() throws {
        let first = "let first: TenantHandle? = nil // refused"
        let second = "let second: TenantHandle = 5"
        let third = "let third: TenantHandle = 6 // refused"
        let mistakes = try Self.mistakes(in: ["import Tenancy", first, second, third].joined(separator: "\n"))
        #expect(mistakes == ["This compiles: \(first)", "This doesn't compile: \(second)"])
    }

    /// What the compiler says otherwise than the code's comments.
    private static func mistakes(in code: String) throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "refused-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "Refused.swift")
        try code.write(to: file, atomically: true, encoding: .utf8)
        let output = try typecheck(file, in: folder)
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = Set(lines.indices.filter { lines[$0].hasSuffix("// refused") }.map { $0 + 1 })
        let errors = output.split(separator: "\n").filter { $0.contains(": error: ") }
        let refused = Set(errors.compactMap { Int($0.split(separator: ":").dropFirst().first ?? "") })
        // Errors elsewhere, such as a module that is not found, would hide what is asked.
        try #require(!refused.isEmpty && refused.allSatisfy(lines.indices.map { $0 + 1 }.contains), "\(output)")
        return expected.subtracting(refused).sorted().map { "This compiles: \(lines[$0 - 1])" }
            + refused.subtracting(expected).sorted().map { "This doesn't compile: \(lines[$0 - 1])" }
    }

    private static func typecheck(_ file: URL, in folder: URL) throws -> String {
        let modules = try #require(modulesFolder())
        let errors = folder.appending(path: "errors.txt")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "swiftc", "-typecheck", "-swift-version", "6", "-I", modules.path, "-diagnostic-style", "llvm",
            "-module-cache-path", folder.appending(path: "cache").path, "-parse-as-library", file.path,
        ]
        process.arguments? += try moduleMaps(beside: modules).flatMap { ["-Xcc", "-fmodule-map-file=\($0.path)"] }
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        return try String(contentsOf: errors, encoding: .utf8)
    }

    /// What the compiler needs to know of C modules that the modules were built with.
    private static func moduleMaps(beside modules: URL) throws -> [URL] {
        let files = FileManager.default
        let products = modules.deletingLastPathComponent()
        let built = try files.contentsOfDirectory(at: products, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "build" }
        var checkouts = products
        while checkouts.path != "/", !files.fileExists(atPath: checkouts.appending(path: "checkouts").path) {
            checkouts.deleteLastPathComponent()
        }
        let packages = try files.contentsOfDirectory(
            at: checkouts.appending(path: "checkouts"), includingPropertiesForKeys: nil)
        let includes = packages.flatMap { package in
            let sources = package.appending(path: "Sources")
            return ((try? files.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)) ?? [])
                .map { $0.appending(path: "include") }
        }
        return (built + includes).map { $0.appending(path: "module.modulemap") }
            .filter { files.fileExists(atPath: $0.path) }
    }

    /// The modules beside the tests' program.
    private static func modulesFolder() -> URL? {
        var folder = URL(filePath: CommandLine.arguments[0]).standardizedFileURL.deletingLastPathComponent()
        while folder.path != "/" {
            let modules = folder.appending(path: "Modules")
            if FileManager.default.fileExists(atPath: modules.appending(path: "Tenancy.swiftmodule").path) {
                return modules
            }
            folder.deleteLastPathComponent()
        }
        let built = DocumentedCodeTests.repository.appending(path: ".build/debug/Modules")
        return FileManager.default.fileExists(atPath: built.appending(path: "Tenancy.swiftmodule").path) ? built : nil
    }
}
