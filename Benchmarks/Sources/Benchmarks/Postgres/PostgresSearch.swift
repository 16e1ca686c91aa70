#if Postgres
    import Tenancy

    /// Full-text searches for two words, under row security, among 100,000 texts of ten tenants.
    enum PostgresSearch: Benchmark {
        static let name = "pg-search"

        private static let tenants = 100...109
        private static let rowsPerTenant = 10_000
        private static let tasks = 8

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Note.self]) { bench in
                let handles = try await bench.handles(tenants)
                for handle in handles { try await handle.bulkCreate((1...rowsPerTenant).map { Note.example($0) }) }
                try await bench.server.copyPlain("notes")
                let comparison = Comparison(name: name, tasks: tasks, executor: "global", seconds: seconds)
                let workers = Workers(tasks: tasks)
                let floor = "pgbench -M prepared, @@ without row security or score, \(tasks) clients"
                return [
                    try await comparison.run(floor: floor) { duration in
                        try await workers.run(for: duration) { numbers in
                            for number in numbers {
                                let word = "word\(number &* 7_919 % 2_000)"
                                let options = SearchOptions(lastWordIsPrefix: false)
                                let hits = try await handles[number % handles.count]
                                    .search(Note.self, "flight \(word)", limit: 20, options: options)
                                guard hits.count <= 20 else { throw BenchmarkError("Too many hits.") }
                            }
                        }
                    } theirs: {
                        try await bench.server.pgbench(script, clients: tasks, duration: $0)
                    }
                ]
            }
        }

        private static let script = """
            \\set tenant random(\(tenants.lowerBound), \(tenants.upperBound))
            \\set word random(0, 1999)
            SELECT id, text FROM plain_notes
            WHERE tenant_id = :tenant AND _words_text @@ to_tsquery('simple', 'flight & word' || :word) LIMIT 20;

            """
    }
#endif
