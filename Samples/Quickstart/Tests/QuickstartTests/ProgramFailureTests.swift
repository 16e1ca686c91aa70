import Foundation
import Testing

@testable import Quickstart

/// Runs that can't reach their end.
@Suite struct ProgramFailureTests {
    @Test("A directory that is missing or lacks files is named before anything is made")
    func directories() async throws {
        let place = try Place()
        var files = try SampleFiles().files
        files[Plane.file] = nil
        for (path, expected) in [
            (place.path("nowhere"), "There is no directory"),
            (try place.data([:]), "lacks, or lets nobody read, airlines.csv, airports.csv, planes.csv, flights.csv"),
            (try place.data(files), "lacks, or lets nobody read, planes.csv"),
        ] {
            let database = place.path("kept.sqlite")
            let outcome = try await Program.run("--json", "--data", path, "--database", "sqlite:" + database, in: place)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains(expected) && outcome.errors.contains(path))
            #expect(try outcome.json()["ok"] as? Bool == false)
            #expect(try place.files("kept").isEmpty)
            #expect(place.leftovers.isEmpty)
        }
    }

    @Test("A wrong option is told apart from a failure, and says what is right")
    func options() async throws {
        let place = try Place()
        for (arguments, expected) in [
            (["--ful"], "Unknown option '--ful'"), (["--model", "both"], "file-per-tenant"),
            (["--full", "--data", "x"], "can't be used together"), (["--database", "sqlite:"], "a path must follow"),
            (["--database", "flights.db"], "sqlite:PATH"),
            (["--database-admin", "postgres://owner:s3cret@db/shop"], "postgres:// only"),
            (["--database", "mysql://app:s3cret@db/shop"], "there is no adapter for 'mysql:'"),
            (["--cache", "redis"], "redis://USER:PASSWORD@HOST"),
            (["--cache", "memcached://app:s3cret@cache"], "there is no adapter for 'memcached:'"),
        ] {
            let outcome = try await Program(arguments, in: place).outcome()
            #expect(outcome.code == 64, "\(arguments)")
            #expect(outcome.errors.contains(expected), "\(arguments)")
            #expect(!outcome.errors.contains("s3cret"), "\(arguments)")
            #expect(outcome.output.isEmpty, "\(arguments)")
        }
    }

    #if !Postgres
        @Test("A build without PostgreSQL says how to get it")
        func withoutPostgres() async throws {
            let outcome = try await Program.run("--database", "postgres://app:s3cret@db/shop", in: Place())
            #expect(outcome.code == 64)
            #expect(outcome.errors.contains("scripts/quickstart") && !outcome.errors.contains("s3cret"))
        }
    #endif

    #if !Redis
        @Test("A build without Redis says how to get it", arguments: ["redis", "rediss+sentinel"])
        func withoutRedis(scheme: String) async throws {
            let outcome = try await Program.run("--cache", "\(scheme)://app:s3cret@cache", in: Place())
            #expect(outcome.code == 64)
            #expect(outcome.errors.contains("scripts/quickstart") && !outcome.errors.contains("s3cret"))
        }
    #endif

    @Test("A database that can't be made is an error that says so", arguments: ["shared", "file-per-tenant"])
    func unwritable(model: String) async throws {
        let place = try Place()
        let file = place.path("file")
        try Data("text".utf8).write(to: URL(filePath: file))
        let outcome = try await Program.run(
            "--json", "--model", model, "--database", "sqlite:\(file)/within/flights", in: place)
        #expect(outcome.code == 1)
        #expect(outcome.errors.hasPrefix("Error: "))
        #expect(try outcome.json()["ok"] as? Bool == false)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "text")
    }

    @Test("A database that is there already stays as it is")
    func existing() async throws {
        let place = try Place()
        let file = place.path("flights")
        try Data("text".utf8).write(to: URL(filePath: file))
        let outcome = try await Program.run("--database", "sqlite:\(file)", in: place)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("exists already"))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "text")
    }

    @Test(
        "An interrupted run leaves nothing, and the next one to the same place succeeds",
        arguments: [("shared", SIGINT), ("file-per-tenant", SIGINT), ("shared", SIGTERM)])
    func interrupted(model: String, signal: Int32) async throws {
        let place = try Place()
        var sample = try SampleFiles()
        sample.multiplyFlights(by: 30)
        let database = ["--model", model, "--database", "sqlite:" + place.path("kept")]
        let program = try Program(["--json", "--data", place.data(sample.files)] + database, in: place)
        try await program.prints("25 %")
        #expect(try !place.files("kept").isEmpty)
        program.send(signal)
        let outcome = try await program.outcome()
        #expect(outcome.code == 128 + signal)
        #expect(outcome.errors.contains("Interrupted"))
        #expect(try outcome.json()["error"] as? String == "interrupted")
        #expect(try place.files("kept").isEmpty)
        #expect(place.leftovers.isEmpty)

        let again = try await Program(["--json"] + database, in: place).outcome()
        #expect(again.code == 0)
        #expect(try !place.files("kept").isEmpty)
    }
}
