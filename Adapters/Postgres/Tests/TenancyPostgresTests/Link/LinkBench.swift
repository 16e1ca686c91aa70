import CLibpq
import Foundation
import Synchronization
import TenancyCore
import TenancyIO
import TestServers

@testable import TenancyPostgres

/// Gives the body a reactor and stops it afterwards.
func withReactor<Value>(_ body: (Reactor) async throws -> Value) async throws -> Value {
    let reactor = try Reactor(name: "link-test")
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await body(reactor)) } catch { outcome = .failure(error) }
    await reactor.stop()
    return try outcome.get()
}

extension PostgresConfiguration {
    /// The application's login, changed as a test needs it.
    static func test(
        _ server: TestServer = .application, _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: server.address())
        // Tests begin all at once, and logging in takes a while on a machine that is busy with others.
        configuration.connectTimeout = .seconds(30)
        change(&configuration)
        return configuration
    }
}

/// The error that a call throws.
func failureOf<Value>(_ call: () async throws -> Value) async -> TenancyError? {
    do {
        _ = try await call()
        return nil
    } catch { return error as? TenancyError ?? TenancyError(.backendFailure, "another error: \(error)") }
}

/// How many file descriptors the process has open.
func openDescriptors() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }

/// Waits until a condition holds, or for 30 seconds.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now.advanced(by: .seconds(30))
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

/// Asks as the administrator.
func administrator(_ query: String) async throws -> [[String]] {
    try await blocking { try TestConnection(.admin).texts(query) }
}

/// A socket that takes connections and never says a word.
final class SilentServer: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        #if canImport(Darwin)
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let error = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) + listen(descriptor, 64)
                    + getsockname(descriptor, pointer, &length)
            }
        }
        guard error == 0 else { throw CancellationError() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
