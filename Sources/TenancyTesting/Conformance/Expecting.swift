import Synchronization
import TenancyCore

/// What went wrong in one case, collected so that a case tells all of it and not only the first.
final class FailureLog: Sendable {
    private let messages = Mutex<[String]>([])

    var all: [String] { messages.withLock(\.self) }

    func add(_ message: String, _ file: StaticString, _ line: Int) {
        messages.withLock { messages in
            // A loop that goes wrong goes wrong often; the first few times say it all.
            if messages.count < 20 { messages.append("\(message) (\(file):\(line))") }
        }
    }
}

/// Thrown where a case can't go on, after the reason was logged.
struct CaseAborted: Error {}

/// What cases state their expectations through.
protocol Expecting: Sendable {
    var log: FailureLog { get }
}

extension Expecting {
    func fail(_ message: String, file: StaticString = #fileID, line: Int = #line) { log.add(message, file, line) }

    func expect(
        _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if !condition { log.add(message(), file, line) }
    }

    func expectEqual<T: Equatable>(
        _ actual: T, _ expected: T, _ what: @autoclosure () -> String = "", file: StaticString = #fileID,
        line: Int = #line
    ) {
        if actual != expected { log.add("\(what()): \(shown(actual)), expected \(shown(expected))", file, line) }
    }

    /// Compares records by what is stored of them: text by code points, JSON by its meaning.
    func expectSame<E: Entity>(
        _ actual: E?, _ expected: E?, _ what: @autoclosure () -> String = "", file: StaticString = #fileID,
        line: Int = #line
    ) {
        switch (actual, expected) {
        case (nil, nil): break
        case (nil, _): log.add("\(what()): there is no record", file, line)
        case (_, nil): log.add("\(what()): there is a record", file, line)
        case (let actual?, let expected?):
            for (field, pair) in zip(E.schema.description.fields, zip(actual.storedValues, expected.storedValues))
            where pair.0 != pair.1 {
                log.add("\(what()) \(field.name): \(shown(pair.0)), expected \(shown(pair.1))", file, line)
            }
        }
    }

    func expectSame<E: Entity>(
        _ actual: [E], _ expected: [E], _ what: @autoclosure () -> String = "", file: StaticString = #fileID,
        line: Int = #line
    ) {
        expectEqual(
            actual.map(\.id.fieldValue), expected.map(\.id.fieldValue), "\(what()) keys", file: file, line: line)
        guard actual.count == expected.count else { return }
        for (actual, expected) in zip(actual, expected) {
            expectSame(actual, expected, what(), file: file, line: line)
        }
    }

    /// Expects an error with one of some codes, and returns it.
    @discardableResult
    func expectThrows<R>(
        _ codes: TenancyError.Code..., what: @autoclosure () -> String = "", file: StaticString = #fileID,
        line: Int = #line, _ body: () async throws -> R
    ) async -> TenancyError? {
        do {
            _ = try await body()
            log.add("\(what()): nothing was thrown, expected \(codes)", file, line)
        } catch let error as TenancyError {
            if codes.contains(error.code) { return error }
            log.add("\(what()): \(error), expected \(codes)", file, line)
        } catch {
            log.add("\(what()): an error of type \(type(of: error)), expected \(codes)", file, line)
        }
        return nil
    }

    func require<T>(
        _ value: T?, _ what: String = "a value", file: StaticString = #fileID, line: Int = #line
    ) throws(CaseAborted) -> T {
        if let value { return value }
        log.add("there is no \(what)", file, line)
        throw CaseAborted()
    }

    /// Long values are cut, so that a report stays readable.
    private func shown(_ value: some Any) -> String {
        let text = "\(value)"
        return text.count > 300 ? "\(text.prefix(300))… (\(text.count) characters)" : text
    }
}

extension Entity {
    /// The values of the fields in the schema's order.
    var storedValues: [Value] {
        let description = Self.schema.description
        var batch = ColumnBatch(description)
        Self.schema.encode(self, into: &batch)
        let row = RowView(batch, row: 0)
        return description.fields.enumerated().map { column, field in
            (try? row.value(column, as: field.type)) ?? .null
        }
    }
}
