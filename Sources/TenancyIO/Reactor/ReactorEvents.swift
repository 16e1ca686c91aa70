internal import CTenancyIO

/// What is watched of a file descriptor, or what has happened to it.
package struct ReactorEvents: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// There is something to read, or an end of file or error that reading tells.
    package static let readable = ReactorEvents(rawValue: 1)
    /// There is room to write.
    package static let writable = ReactorEvents(rawValue: 2)
    /// The other side has closed, or the descriptor has failed. Reported with whatever is watched; not to be asked for.
    package static let closed = ReactorEvents(rawValue: 4)
    /// The reactor stops and will report nothing more. Not to be asked for.
    package static let stopped = ReactorEvents(rawValue: 8)
}
