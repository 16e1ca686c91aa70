import Tenancy

/// Reads and writes records at random, one call at a time, and tells the log.
///
/// Each slot of a tenant holds one record after another, a new one every few seconds. By the time, so that all
/// processes agree without asking each other: the current one is read and written most; the one before is still read;
/// the one before that is deleted; the next one is read before it is created, so that its absence is cached.
struct Clerk: Sendable {
    let handles: [TenantHandle]
    let log: EventLog

    private static let slots: UInt16 = 24
    /// How long a record is a slot's current one, in nanoseconds. A write that nobody waits for any more ends long
    /// before the record is deleted.
    private static let period: Int64 = 4_000_000_000

    /// Makes one call, or a write and the read before it.
    func work() async {
        let tenant = Int.random(in: handles.indices)
        do {
            switch Int.random(in: 0..<100) {
            case 0..<42: try await read(tenant, [key(tenant)])
            case 42..<46: try await readDatabase(tenant, key(tenant))
            case 46..<54: try await read(tenant, Array(Set((0..<6).map { _ in key(tenant) })))
            case 54..<88: try await readRelaxed(tenant, key(tenant))
            case 88..<95: try await update(tenant, key(tenant, age: 0), creates: true)
            case 95: try await update(tenant, key(tenant, age: 1), creates: false)
            case 96..<98: try await updateTogether(tenant)
            case 98: try await updateByFilter(tenant, writableKey(tenant))
            default: try await delete(tenant)
            }
        } catch {
            log.append(Event(kind: .failure, key: .none, interval: 0...0))
            // As a caller would who is told that he may try again.
            try? await Task.sleep(for: .milliseconds(Int.random(in: 2...12)))
        }
    }

    // MARK: Which records

    private func key(_ tenant: Int) -> RecordKey {
        let age: Int64 =
            switch Int.random(in: 0..<20) {
            case 0: -1
            case 1...14: 0
            case 15...17: 1
            default: 2
            }
        return key(tenant, age: age)
    }

    private func writableKey(_ tenant: Int) -> RecordKey { key(tenant, age: Int.random(in: 0..<10) == 0 ? 1 : 0) }

    private func key(_ tenant: Int, age: Int64) -> RecordKey {
        let slot = UInt16.random(in: 0..<Self.slots)
        // Slots take turns, so that not all of them are cold at a time.
        let time = SharedClock.now() + Self.period * Int64(slot) / Int64(Self.slots)
        return RecordKey(
            tenant: UInt16(tenant), slot: slot, generation: UInt32(truncatingIfNeeded: time / Self.period - age))
    }

    // MARK: Reads

    private func read(_ tenant: Int, _ keys: [RecordKey]) async throws {
        let start = SharedClock.now()
        var found: [String: Mark] = [:]
        if keys.count == 1 {
            if let mark = try await handles[tenant].read(Mark.self, keys[0].id) { found[mark.id] = mark }
        } else {
            for mark in try await handles[tenant].read(Mark.self, ids: keys.map(\.id)) { found[mark.id] = mark }
        }
        let end = SharedClock.now()
        for key in keys { tell(.strongRead, key, found[key.id], start...end) }
    }

    private func readRelaxed(_ tenant: Int, _ key: RecordKey) async throws {
        let start = SharedClock.now()
        let options = ReadOptions(consistency: .relaxed(maximumStaleness: WorkerSettings.maximumStaleness))
        let mark = try await handles[tenant].read(Mark.self, key.id, options: options)
        tell(.relaxedRead, key, mark, start...SharedClock.now())
    }

    private func readDatabase(_ tenant: Int, _ key: RecordKey) async throws {
        let start = SharedClock.now()
        let mark = try await handles[tenant].read(Mark.self, key.id, options: .uncached)
        tell(.databaseRead, key, mark, start...SharedClock.now())
    }

    private func tell(_ kind: Event.Kind, _ key: RecordKey, _ mark: Mark?, _ interval: ClosedRange<Int64>) {
        let isOwn = mark.map { $0.owner == handles[Int(key.tenant)].id.rawValue && $0.id == key.id } ?? true
        log.append(
            Event(
                kind: isOwn ? kind : .foreign, key: key, version: mark?.version ?? Event.absent, interval: interval))
    }

    // MARK: Writes

    /// - Parameter creates: Whether a record is made that is absent. Not shortly before it may be deleted: in the database
    ///   the deletion could come first.
    private func update(_ tenant: Int, _ key: RecordKey, creates: Bool) async throws {
        let start = SharedClock.now()
        let read = try await handles[tenant].read(Mark.self, key.id)
        tell(.strongRead, key, read, start...SharedClock.now())
        try await acknowledge {
            guard var mark = read else {
                guard creates else { return [] }
                return [(key, try await handles[tenant].create(new(key)).version)]
            }
            mark.note += 1
            return [(key, try await handles[tenant].update(mark).version)]
        }
    }

    /// Two records in one transaction.
    private func updateTogether(_ tenant: Int) async throws {
        // In an order that all keep to, against deadlocks.
        let keys = [writableKey(tenant), writableKey(tenant)].sorted { $0.id < $1.id }
        try await acknowledge {
            try await handles[tenant].transaction { transaction in
                var written: [(RecordKey, Int64)] = []
                for key in Set(keys).sorted(by: { $0.id < $1.id }) {
                    guard var mark = try await transaction.read(Mark.self, key.id) else { continue }
                    mark.note += 1
                    written.append((key, try await transaction.update(mark).version))
                }
                return written
            }
        }
    }

    /// By a condition, of which the cache does not know which records it meets.
    private func updateByFilter(_ tenant: Int, _ key: RecordKey) async throws {
        try await acknowledge {
            try await handles[tenant].transaction { transaction in
                try await transaction.query(Mark.self).where { $0.id == key.id }
                    .update(.set(\.note, to: Int.random(in: 0..<1_000_000)))
                guard let mark = try await transaction.read(Mark.self, key.id) else { return [] }
                return [(key, mark.version)]
            }
        }
    }

    private func delete(_ tenant: Int) async throws {
        let key = key(tenant, age: 2)
        let start = SharedClock.now()
        log.append(Event(kind: .deletionBegun, key: key, interval: start...start))
        try await acknowledge {
            try await handles[tenant].delete(Mark.self, key.id)
            return [(key, Event.deleted)]
        }
    }

    private func new(_ key: RecordKey) -> Mark {
        Mark(id: key.id, owner: handles[Int(key.tenant)].id.rawValue, note: 0, version: 0)
    }

    /// Makes a write and tells which versions it was acknowledged with. That somebody else was faster is no failure.
    private func acknowledge(
        _ write: () async throws -> [(RecordKey, Int64)]
    ) async throws {
        let start = SharedClock.now()
        do {
            let written = try await write()
            let end = SharedClock.now()
            for (key, version) in written {
                log.append(Event(kind: .write, key: key, version: version, interval: start...end))
            }
        } catch {
            guard [.staleVersion, .uniqueViolation].contains(TenancyError.wrap(error).code) else { throw error }
        }
    }
}
