internal import CTenancyIO

/// A value behind a lock that is held for a few instructions.
///
/// Not `Mutex`, because on Linux that is invisible to the thread sanitizer, which then sees a race at every use, and
/// because it hands a contended lock over in the kernel, in the order of priorities that nobody has set.
///
/// Unchecked, because the value is reached through `withLock` only, which one thread at a time passes, and what goes in
/// and comes out of it has to be Sendable or is made there.
package final class Locked<Value>: @unchecked Sendable {
    private let value: UnsafeMutablePointer<Value>
    private let mutex: OpaquePointer

    /// Puts a value behind a lock.
    package init(_ value: sending Value) {
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
        mutex = tenancy_mutex_make()
    }

    deinit {
        tenancy_mutex_free(mutex)
        value.deinitialize(count: 1)
        value.deallocate()
    }

    /// Runs `body`, which takes no other lock and calls nobody back, with the value.
    @inline(__always)
    package func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        tenancy_mutex_lock(mutex)
        defer { tenancy_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
