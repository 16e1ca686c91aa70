internal import CTenancySQLite
import Foundation
import TenancyCore

/// Keeps the opening of a tenant's file apart from its removal, in this process and in others.
///
/// SQLite's own locks are on the file, and can't: who opens it between the removals of the file and of its write-ahead log
/// would mix a new file with an old log. So a file in the directory has a byte for each tenant, on which those who open
/// hold a shared lock, and who removes an exclusive one. The system ends the locks of a process that dies.
struct FileLocks: Sendable {
    static let fileName = "_tenancy.lock"

    let directory: String
    let threads: ConnectionThreads
    let busyTimeout: Duration
    let isReadOnly: Bool

    /// A lock, until it is released.
    struct Lock: Sendable {
        fileprivate let descriptor: Int32?

        func release() {
            if let descriptor { close(descriptor) }
        }
    }

    /// Waits for a tenant's lock until the deadline, or as long as the configuration says.
    func take(
        _ tenant: TenantID, exclusively: Bool, until deadline: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> Lock {
        let end = ContinuousClock.now + busyTimeout
        let (path, isReadOnly) = (directory + "/" + Self.fileName, isReadOnly)
        let opened = await threads.run { () -> (descriptor: Int32, error: Int32) in
            let flags = (isReadOnly ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC
            let descriptor = open(path, flags, 0o644)
            return (descriptor, errno)
        }
        guard opened.descriptor >= 0 else {
            // Who only reads makes no lock file, and where there is none nobody has removed anything.
            if isReadOnly, opened.error == ENOENT { return Lock(descriptor: nil) }
            throw Self.failure(opened.error)
        }
        do throws(TenancyError) {
            let offset = Self.offset(of: tenant)
            while true {
                let error = tenancy_sqlite_lock_byte(opened.descriptor, offset, exclusively)
                if error == 0 { return Lock(descriptor: opened.descriptor) }
                guard [EAGAIN, EACCES, EINTR].contains(error) else { throw Self.failure(error) }
                if let deadline, deadline <= ContinuousClock.now {
                    throw TenancyError(.timeout, "The call's deadline has passed.", details: .init(tenant: tenant))
                }
                if end <= ContinuousClock.now {
                    throw TenancyError(
                        .locked, "The tenant's file is being opened or removed elsewhere.",
                        details: .init(tenant: tenant))
                }
                do { try await Task.sleep(for: .milliseconds(2)) } catch {
                    throw TenancyError(.cancelled, "The calling task was cancelled.", details: .init(tenant: tenant))
                }
            }
        } catch {
            close(opened.descriptor)
            throw error
        }
    }

    /// The tenant's byte, which two tenants may share: then one waits for the other now and then. By a digest that is the
    /// same in every process (FNV-1a).
    private static func offset(of tenant: TenantID) -> Int64 {
        var digest: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in tenant.rawValue.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(digest >> 2)
    }

    private static func failure(_ error: Int32) -> TenancyError {
        switch error {
        case EACCES, EPERM, EROFS:
            TenancyError(
                .readOnly, "The directory of the tenants' files can't be written.",
                hint: "Allow the process to write to the directory, or set isReadOnly.")
        case ENOSPC, EDQUOT: TenancyError(.storageFull, "The disk or a quota is full.")
        case EMFILE, ENFILE:
            TenancyError(
                .unavailable, "The process may not open more files.",
                hint: "Raise the limit of open files, or lower maximumOpenFiles.")
        default:
            TenancyError(
                .unavailable, "The lock file of the tenants' files can't be used.",
                hint: "Check that the directory is there, on a local file system, and that the process may write to it."
            )
        }
    }
}
