import TenancyCore

/// Where a connection was taken.
struct PoolPlace: Sendable {
    var file: String
    var line: Int
}

/// All that a connection pool decides: events and the time go in, actions come out. It waits for nothing, asks no clock
/// and opens nothing, so that every order of events can be tried.
///
/// Times are nanoseconds of any clock. `Request` is whatever the caller needs to answer a waiting call.
struct PoolStateMachine<Connection, Request> {
    typealias ID = UInt64

    /// What the driver has to do, in order.
    enum Action {
        /// Ask the process-wide ceiling, and then call ``permitted(_:now:)``; or, if no call waits for it and there is no
        /// room, ``denied(_:now:)``.
        case requestPermit(ID, isForMinimum: Bool)
        /// Connect, and then call ``opened(_:_:now:)`` or ``failedToOpen(_:_:now:)``.
        case open(ID)
        /// Stop connecting, and then call one of the same two.
        case abandonOpen(ID)
        /// Close, and then call ``closed(_:now:)``.
        case close(ID, Connection)
        /// Nobody waits for what was permitted.
        case returnPermit
        case grant(Request, ID, Connection)
        case refuse(Request, TenancyError)
        case reportLeak(PoolPlace, heldFor: UInt64)
        case reportFailure(TenancyError, pause: UInt64)
        /// After a shutdown: nothing is left.
        case drained
    }

    struct Waiter {
        let request: Request
        let since: UInt64
        let place: PoolPlace
        var timer: TimerHeap<Timer>.Token?
    }

    enum Timer {
        case waiter(WaiterList<Waiter>.Token)
        case open(ID)
        case review(ID)
        case retry
        case minimum
        case drain
    }

    enum EntryState {
        case awaitingPermit
        case opening(timer: TimerHeap<Timer>.Token)
        case idle(since: UInt64)
        case leased(since: UInt64, PoolPlace, isReported: Bool)
        /// Being closed, or being opened in vain. It still counts, because the server may still have it.
        case closing
    }

    struct Entry {
        var state: EntryState
        var connection: Connection?
        var expiry = UInt64.max
        var idleTimeout = UInt64.max
        var review: TimerHeap<Timer>.Token?
    }

    enum Phase { case running, draining, drained }

    struct Limits {
        var minimumSize: Int
        var maximumSize: Int
        var idleTimeout: UInt64
        var maximumLifetime: UInt64
        var jitter: Double
        var openTimeout: UInt64
        var minimumBackoff: UInt64
        var maximumBackoff: UInt64
        var demandBackoff: UInt64
        var leakThreshold: UInt64?

        init(_ configuration: PoolConfiguration) {
            func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(0, ReactorTime.nanoseconds(duration))) }
            maximumSize = max(1, configuration.maximumSize)
            minimumSize = min(max(0, configuration.minimumSize), maximumSize)
            // Zero would have a connection closed in the moment in which it is opened, again and again.
            idleTimeout = max(1_000_000, nanoseconds(configuration.idleTimeout))
            maximumLifetime = max(1_000_000, nanoseconds(configuration.maximumLifetime))
            jitter = min(max(0, configuration.jitter), 0.9)
            openTimeout = max(1_000_000, nanoseconds(configuration.openTimeout))
            minimumBackoff = max(1_000_000, nanoseconds(configuration.minimumBackoff))
            maximumBackoff = max(minimumBackoff, nanoseconds(configuration.maximumBackoff))
            demandBackoff = max(minimumBackoff, nanoseconds(configuration.demandBackoff))
            leakThreshold = configuration.leakThreshold.map(nanoseconds)
        }
    }

    let name: String
    let limits: Limits
    var phase = Phase.running
    var entries: [ID: Entry] = [:]
    /// The last given back is the first to be taken, so that those beyond need become old and are closed.
    var idle: [ID] = []
    var waiters = WaiterList<Waiter>()
    var timers = TimerHeap<Timer>()
    var leasedCount = 0
    var openingCount = 0
    var failures = 0
    var retryTime: UInt64 = 0
    /// The same, if a call asks for a connection.
    var demandTime: UInt64 = 0
    var retryTimer: TimerHeap<Timer>.Token?
    /// When the ceiling is asked again for room for the minimum.
    var minimumTimer: TimerHeap<Timer>.Token?
    var lastError: TenancyError?
    var actions: [Action] = []
    private var nextID: ID = 0
    private var randomState: UInt64

    /// - Parameter seed: Of the jitter's random numbers.
    init(name: String, configuration: PoolConfiguration, seed: UInt64) {
        self.name = name
        limits = Limits(configuration)
        randomState = seed
    }

    /// When ``timePassed(now:)`` has to be called.
    var nextTime: UInt64? { timers.first }

    /// The actions so far, which the caller now carries out.
    mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    mutating func makeID() -> ID {
        nextID += 1
        return nextID
    }

    /// The time shortened by a random part of it, up to ``Limits/jitter``.
    mutating func jittered(_ time: UInt64) -> UInt64 {
        randomState &+= 0x9e37_79b9_7f4a_7c15
        var word = randomState
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        word ^= word >> 31
        let fraction = Double(word >> 11) / Double(UInt64(1) << 53)
        return time - min(time, UInt64(Double(min(time, 1 << 62)) * limits.jitter * fraction))
    }

    static func sum(_ time: UInt64, _ more: UInt64) -> UInt64 {
        let (sum, overflow) = time.addingReportingOverflow(more)
        return overflow ? .max : sum
    }
}
