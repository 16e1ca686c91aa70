import Dispatch
import Foundation
import Synchronization
public import TenancyCore

/// A sink that appends to a file, one JSON object a line for each event.
///
/// ```
/// {"batch":"5C0F…","row":0,"rows":2,"id":"8A31…","tenant":"UA","name":"report_opened","occurred":"2025-…Z",…}
/// ```
///
/// - A batch is in the file whole or not at all: if the process dies while it writes one, what there is of it is cut
///   off when the file is opened again.
/// - A batch is stored once: the sink knows the ids of the last ``rememberedBatches`` batches, which it reads from the
///   end of the file (64 MiB of it) when it opens it. A batch that is repeated later than that is stored again.
/// - One sink has the file at a time, across processes. A file that is moved away, to rotate it, is left to whoever
///   moved it, and the next batch goes to a new one. A file that holds anything else is refused, not cut.
///
/// The file is opened at the first batch. Everything that blocks runs on a queue of the sink's own.
public final class JSONLinesSink: AnalyticsSink {
    private let queue = DispatchQueue(label: "tenancy.json-lines-sink", qos: .utility)
    // Locked on the queue only, where it is never contended, so that no thread waits for a file.
    private let file: Mutex<JSONLinesFile>

    /// `jsonlines`.
    public let name = "jsonlines"
    /// How many batches' ids are known.
    public let rememberedBatches: Int

    /// A sink that appends to the file at a path, which is created if it is not there.
    ///
    /// - Parameters:
    ///   - path: The file; its directory must exist.
    ///   - synchronizes: Whether each batch is on the disk before it counts as stored, so that it survives a power
    ///     failure, at the cost of some milliseconds a batch.
    ///   - rememberedBatches: How many batches' ids are known, 1 or more.
    public init(path: String, synchronizes: Bool = false, rememberedBatches: Int = 1_000) {
        self.rememberedBatches = max(1, rememberedBatches)
        file = Mutex(
            JSONLinesFile(path: path, synchronizes: synchronizes, rememberedBatches: self.rememberedBatches))
    }

    /// Appends a batch, unless one of that id is known.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/storageFull``, ``TenancyError/Code/readOnly``,
    ///   ``TenancyError/Code/locked`` if another sink has the file, ``TenancyError/Code/corrupted`` if the file holds
    ///   anything else, ``TenancyError/Code/sinkUnavailable`` for other failures.
    public func write(_ batch: AnalyticsBatch) async throws(TenancyError) {
        if Task.isCancelled { throw TenancyError(.cancelled, "The calling task was cancelled.") }
        let lines = JSONLinesEncoder.lines(of: batch)
        try await onQueue { file throws(TenancyError) in try file.append(batch.id, lines) }
    }

    /// Closes the file, with everything on the disk.
    public func shutDown() async throws(TenancyError) {
        try await onQueue { file throws(TenancyError) in try file.close() }
    }

    private func onQueue(
        _ body: @escaping @Sendable (inout JSONLinesFile) throws(TenancyError) -> Void
    ) async throws(TenancyError) {
        let failure: TenancyError? = await withCheckedContinuation { continuation in
            queue.async { [self] in
                let failure: TenancyError? = file.withLock { file in
                    do throws(TenancyError) {
                        try body(&file)
                        return nil
                    } catch { return error }
                }
                continuation.resume(returning: failure)
            }
        }
        if let failure { throw failure }
    }
}

/// Writes events as lines. The fields that tell a batch's lines from another's come first and in a fixed form, so that
/// ``JSONLinesFile`` can read them without parsing the rest.
enum JSONLinesEncoder {
    static func lines(of batch: AnalyticsBatch) -> [UInt8] {
        var lines: [UInt8] = []
        for (row, event) in batch.events.enumerated() {
            append(event, JSONLinesMark(batch: batch.id, row: row, rows: batch.events.count), to: &lines)
        }
        return lines
    }

    private static func append(_ event: AnalyticsEvent, _ mark: JSONLinesMark, to line: inout [UInt8]) {
        line += mark.text.utf8
        appendMember("id", event.id.uuidString, to: &line)
        appendMember("tenant", event.tenant.rawValue, to: &line)
        appendMember("name", event.name, to: &line)
        appendMember("occurred", event.occurred.description, to: &line)
        if let actor = event.actor { appendMember("actor", actor, to: &line) }
        if let id = event.correlationID { appendMember("correlation_id", id, to: &line) }
        line += #","properties":"#.utf8
        appendDocument(event.properties, to: &line)
        line += "}\n".utf8
    }

    private static func appendMember(_ name: String, _ text: String, to line: inout [UInt8]) {
        line += ",\"\(name)\":".utf8
        appendString(text, to: &line)
    }

    private static func appendString(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): line += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                line += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: line.append(byte)
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    /// A document's line breaks are white space, because strings can't hold any. A text that is no document, which only
    /// a trusted one can be, is kept as a string, so that it does not hold up its batch for ever.
    private static func appendDocument(_ document: JSON, to line: inout [UInt8]) {
        guard (try? document.value()) != nil else { return appendString(document.text, to: &line) }
        for byte in document.text.utf8 { line.append(byte == 0x0a || byte == 0x0d ? 0x20 : byte) }
    }
}
