import Foundation
import TenancyCore

/// What a case of the cache suite is run with: a cache, and tenants of its own.
final class CacheCaseContext: Expecting {
    let log: FailureLog
    let cache: any CacheAdapter
    private let advance: (@Sendable (Duration) async -> Void)?
    private let prefix: String

    /// A time that is long beside what a command takes, and short beside what a suite may take.
    let moment: Duration

    init(_ subject: CacheConformance.Subject, log: FailureLog) throws {
        self.log = log
        cache = subject.cache
        advance = subject.advance
        moment = subject.advance == nil ? .milliseconds(400) : .seconds(1)
        prefix = String(format: "c%08x-", UInt32.random(in: 0 ... .max))
    }

    func tenant(_ name: String = "a") throws -> TenantID { try TenantID(prefix + name) }

    func pass(_ time: Duration) async throws {
        if let advance { await advance(time) } else { try await Task.sleep(for: time) }
    }

    /// Runs one command for a tenant.
    func run(_ command: CacheCommand, _ name: String = "a") async throws -> CacheReply {
        let replies = try await cache.run([command], for: try tenant(name))
        expectEqual(replies.count, 1, "replies")
        return try require(replies.first, "reply")
    }

    /// Runs commands and expects their replies.
    func expect(
        _ steps: (CacheCommand, CacheReply)..., of name: String = "a", file: StaticString = #fileID, line: Int = #line
    ) async throws {
        for (number, (command, reply)) in steps.enumerated() {
            let actual = try await run(command, name)
            expectEqual(actual, reply, "step \(number + 1), \(command)", file: file, line: line)
        }
    }
}

/// Collects the cases of a suite.
struct CacheCaseList {
    private(set) var cases: [CacheConformance.Case] = []
    private var group = ""

    mutating func begin(_ group: String) { self.group = group }

    mutating func add(_ name: String, body: @escaping @Sendable (CacheCaseContext) async throws -> Void) {
        cases.append(CacheConformance.Case(group: group, name: name, body: body))
    }
}

extension CacheCommand {
    /// Stores a text, always and for ever unless told otherwise.
    static func set(
        _ key: CacheKey, _ text: String, timeToLive: Duration? = nil, condition: CacheCondition = .always
    ) -> CacheCommand { .set(key, Array(text.utf8), timeToLive: timeToLive, condition: condition) }

    static func fill(_ key: CacheKey, _ lease: CacheToken, _ text: String, timeToLive: Duration? = nil) -> CacheCommand
    {
        .fill(key, lease: lease, Array(text.utf8), timeToLive: timeToLive)
    }

    static func lookUp(_ key: CacheKey, _ lease: CacheToken) -> CacheCommand {
        .lookUp(key, lease: lease, leaseTime: .seconds(600))
    }

    static func block(_ key: CacheKey, _ token: CacheToken) -> CacheCommand {
        .block(key, token: token, blockTime: .seconds(600))
    }

    static func unblock(_ key: CacheKey, _ token: CacheToken) -> CacheCommand { .unblock(key, token: token) }
}

extension CacheReply {
    static func text(_ text: String) -> CacheReply { .value(Array(text.utf8)) }
}
