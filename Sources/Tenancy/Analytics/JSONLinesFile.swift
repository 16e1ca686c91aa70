import Foundation
import TenancyCore

/// The file of a ``JSONLinesSink``. Every method can block.
struct JSONLinesFile {
    private let path: String
    private let synchronizes: Bool
    private var known: RecentIDs
    private var descriptor: Descriptor?
    /// Where the next batch begins.
    private var end: off_t = 0
    private var isShutDown = false

    /// How much of a file's end is read when it is opened.
    private static let scannedTail: off_t = 64 << 20

    /// Closes the file when it is let go of.
    private final class Descriptor: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        deinit { _ = Foundation.close(number) }
    }

    init(path: String, synchronizes: Bool, rememberedBatches: Int) {
        self.path = path
        self.synchronizes = synchronizes
        known = RecentIDs(capacity: rememberedBatches)
    }

    mutating func append(_ id: UUID, _ lines: [UInt8]) throws(TenancyError) {
        guard !isShutDown else { throw TenancyError(.shutDown, "The sink was shut down.") }
        let descriptor = try openIfNeeded()
        guard !lines.isEmpty, !known.contains(id) else { return }
        do throws(TenancyError) {
            try write(lines, to: descriptor)
            if synchronizes, fsync(descriptor.number) != 0 { throw Self.failure("synchronized") }
        } catch {
            // If this fails too, the rest is cut off when the file is opened anew.
            if ftruncate(descriptor.number, end) != 0 { self.descriptor = nil }
            throw error
        }
        end += off_t(lines.count)
        known.insert(id)
    }

    mutating func close() throws(TenancyError) {
        isShutDown = true
        guard let descriptor else { return }
        self.descriptor = nil
        if fsync(descriptor.number) != 0 { throw Self.failure("synchronized") }
    }

    private func write(_ lines: [UInt8], to descriptor: Descriptor) throws(TenancyError) {
        var written = 0
        while written < lines.count {
            let count = lines.withUnsafeBytes { bytes in
                pwrite(
                    descriptor.number, bytes.baseAddress?.advanced(by: written), bytes.count - written,
                    end + off_t(written))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("written") }
            written += count
        }
    }

    // MARK: Opening

    /// The file, opened anew if it is another than before or was changed by others.
    private mutating func openIfNeeded() throws(TenancyError) -> Descriptor {
        if let descriptor {
            var here = stat()
            var there = stat()
            if fstat(descriptor.number, &here) == 0, stat(path, &there) == 0, here.st_ino == there.st_ino,
                here.st_dev == there.st_dev, here.st_size == end
            {
                return descriptor
            }
            self.descriptor = nil
        }
        let opened = try open()
        end = try recover(opened)
        descriptor = opened
        return opened
    }

    private func open() throws(TenancyError) -> Descriptor {
        let number = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard number >= 0 else { throw Self.failure("opened") }
        let descriptor = Descriptor(number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK {
                throw TenancyError(
                    .locked, "Another sink has the analytics file.", hint: "Give each process a file of its own.")
            }
            throw Self.failure("locked")
        }
        if synchronizes { synchronizeDirectory() }
        return descriptor
    }

    /// A new file is lost with its directory entry. Not every file system can do this, so a failure is none.
    private func synchronizeDirectory() {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let number = Foundation.open(directory, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        _ = fsync(number)
        _ = Foundation.close(number)
    }

    /// Learns the ids of the last batches and cuts off a batch that is not whole.
    ///
    /// - Returns: Where the next batch begins.
    private mutating func recover(_ descriptor: Descriptor) throws(TenancyError) -> off_t {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { throw Self.failure("examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TenancyError(.invalidConfiguration, "The path of the analytics file names no regular file.")
        }
        var scan = JSONLinesScan(from: max(0, status.st_size - Self.scannedTail))
        try scan.read(descriptor.number)
        if scan.wholeEnd == nil {
            // The last batch is longer than what was read, or there is none.
            scan = JSONLinesScan(from: 0)
            try scan.read(descriptor.number)
        }
        for id in scan.batches { known.insert(id) }
        let end = scan.wholeEnd ?? 0
        if end < status.st_size, ftruncate(descriptor.number, end) != 0 { throw Self.failure("repaired") }
        return end
    }

    static func failure(_ what: String) -> TenancyError {
        let number = errno
        let code: TenancyError.Code =
            switch number {
            case ENOSPC, EDQUOT, EFBIG: .storageFull
            case EROFS, EACCES, EPERM: .readOnly
            case EISDIR, ENOTDIR, ENAMETOOLONG, ELOOP: .invalidConfiguration
            default: .sinkUnavailable
            }
        return TenancyError(
            code, "The analytics file can't be \(what).", details: .init(backendCode: "errno \(number)"))
    }
}
