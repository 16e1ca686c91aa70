import TenancyCore
import TenancyIO

/// One connection to one server, from when it is opened until it is closed or lost; it does not come back.
///
/// It lives on a reactor. Whatever is given to it in one turn is sent with one write, and replies are handed out in the
/// order of the commands. A call that is given up, by its deadline or by its task's cancellation, leaves its place, so
/// that the late reply is thrown away and the ones after it go where they belong.
actor RedisConnection {
    private enum Phase {
        case new
        case connecting(ReactorWait<Void>)
        case open
        case closed(TenancyError)
    }

    /// Where the connection lives.
    nonisolated let reactor: Reactor
    /// Resumed with the reason when the connection has ended.
    nonisolated let ended = ReactorWait<TenancyError>()
    private nonisolated let configuration: RedisConfiguration

    private var phase = Phase.new
    private var socket: Socket?
    private var source: ReactorSource?
    private let tls: TLSStream?
    private let reader: ReplyReader
    /// Used on the reactor, and freed when nobody uses the connection any more.
    private nonisolated(unsafe) let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)

    private var pending = CallQueue()
    private var output: [UInt8] = []
    /// How much of the output was sent.
    private var sent = 0
    /// What is to be encrypted and sent, with TLS.
    private var plaintext: [UInt8] = []
    private var isFlushScheduled = false
    private var turnDeadline = ContinuousClock.now
    private var timer: ReactorTimer?
    /// When the server last sent something, or began to owe something.
    private var lastHeard = ContinuousClock.now
    /// Takes what the server sends of itself.
    private var listener: (@Sendable (RedisReply) -> Bool)?
    /// Until when the server is known to be the one that the caller takes it for.
    private var knownUntil: ContinuousClock.Instant?

    nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    init(_ configuration: RedisConfiguration, tls: TLSStream?, on reactor: Reactor) throws(TenancyError) {
        guard let reader = ReplyReader() else { throw TenancyError(.backendFailure, "hiredis is out of memory.") }
        self.configuration = configuration
        self.tls = tls
        self.reactor = reactor
        self.reader = reader
    }

    deinit { input.deallocate() }

    // MARK: Opening and closing

    /// Connects. Called once, before anything else.
    func open(_ address: SocketAddress, until deadline: ContinuousClock.Instant) async throws(TenancyError) {
        let socket = try Socket(connectingTo: address, keepalives: configuration.keepalives)
        let wait = ReactorWait<Void>()
        do throws(TenancyError) {
            source = try reactor.register(socket.descriptor, watching: .writable) { [self] events in
                assumeIsolated { $0.handle(events) }
            }
            self.socket = socket
            phase = .connecting(wait)
        } catch {
            socket.close()
            throw error
        }
        do throws(TenancyError) {
            try await wait.value(on: reactor, until: deadline, late: Self.connectTimeout)
        } catch {
            close(error)
            throw error
        }
    }

    /// Ends the connection. Calls that wait fail with `error`.
    func close(_ error: TenancyError) {
        let before = phase
        if case .closed = before { return }
        phase = .closed(error)
        source?.cancel()
        source = nil
        socket?.close()
        socket = nil
        if let timer { reactor.cancel(timer) }
        timer = nil
        output = []
        plaintext = []
        if case .connecting(let wait) = before { wait.resume(.failure(error)) }
        for call in pending.removeAll() { call.finish(error) }
        ended.resume(.success(error))
    }

    /// Why the connection was closed; `nil` if it was not.
    var closingReason: TenancyError? { if case .closed(let error) = phase { error } else { nil } }

    /// Says until when the server is known to be the one that the caller takes it for; nothing that arrives later is
    /// handed out.
    func setKnown(until deadline: ContinuousClock.Instant) { knownUntil = deadline }

    /// Has `body` take what comes and answers no command.
    ///
    /// - Parameter body: Called on the reactor with everything that comes; returns whether it was for it.
    func listen(_ body: @escaping @Sendable (RedisReply) -> Bool) { listener = body }

    // MARK: Calling

    /// Sends commands and returns when their replies are in the call.
    ///
    /// - Throws: ``TenancyError`` with code `timeout`, `cancelled`, `unavailable` or `shutDown`. The commands may have
    ///   been carried out all the same.
    nonisolated func run(_ call: RedisCall) async throws(TenancyError) {
        submit(call)
        try await call.wait()
    }

    /// Sends commands as ``run(_:)`` does, as a part of connecting.
    nonisolated func run(_ call: RedisCall, until deadline: ContinuousClock.Instant) async throws(TenancyError) {
        submit(call)
        try await call.wait(on: reactor, until: deadline, late: Self.connectTimeout)
    }

    /// Sends commands; their replies are waited for by the call.
    nonisolated func submit(_ call: RedisCall) {
        if reactor.isCurrent {
            assumeIsolated { $0.append(call) }
        } else {
            reactor.execute { [self] in assumeIsolated { $0.append(call) } }
        }
    }

    private func append(_ call: RedisCall) {
        // Given up before it was sent: then it is not sent.
        if call.hasEnded { return }
        guard case .open = phase else {
            call.finish(closingError)
            return
        }
        if call.isBounded, pending.count >= configuration.maximumWaitingCalls { return call.finish(Self.tooManyCalls) }
        if !isFlushScheduled {
            isFlushScheduled = true
            let now = ContinuousClock.now
            turnDeadline = now + configuration.commandTimeout
            if pending.isEmpty { lastHeard = now }
            reactor.atEndOfTurn { [self] in assumeIsolated { $0.flush() } }
        }
        pending.append(.init(call: call, deadline: turnDeadline))
        if tls == nil { call.appendBytes(to: &output) } else { call.appendBytes(to: &plaintext) }
    }

    private var closingError: TenancyError {
        if case .closed(let error) = phase { return error.code == .shutDown ? error : TenancyError(offline: error) }
        return TenancyError(.unavailable, "The connection is not open yet.")
    }

    // MARK: Sending

    private func flush() {
        isFlushScheduled = false
        guard case .open = phase else { return }
        if timer == nil { arm() }
        send()
    }

    private func send() {
        guard case .open = phase, let socket else { return }
        if let tls {
            do throws(TenancyError) { try tls.encrypt(&plaintext, into: &output) } catch { return close(error) }
        }
        while sent < output.count {
            switch output.withUnsafeBytes({ socket.send(UnsafeRawBufferPointer(rebasing: $0[sent...])) }) {
            case .moved(let count): sent += count
            case .wouldBlock: return watch([.readable, .writable])
            case .ended(let error): return close(TenancyError(connecting: error))
            }
        }
        output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
        sent = 0
        watch(.readable)
    }

    private func watch(_ interest: ReactorEvents) {
        do throws(TenancyError) { try source?.watch(interest) } catch { close(error) }
    }

    // MARK: Receiving

    private func handle(_ events: ReactorEvents) {
        if events.contains(.stopped) { return close(TenancyError(.shutDown, "The reactor has stopped.")) }
        if case .connecting(let wait) = phase { return finishConnecting(wait) }
        if events.contains(.writable) { send() }
        if events.contains(.readable) || events.contains(.closed) { receive() }
    }

    private func finishConnecting(_ wait: ReactorWait<Void>) {
        let error = socket?.takenError ?? 0
        if error != 0 { return close(TenancyError(connecting: error)) }
        phase = .open
        // With TLS this sends the client's first message; what is given meanwhile waits for the handshake.
        send()
        wait.resume(.success(()))
    }

    /// Reads a bounded piece: the reactor calls again as long as there is more.
    private func receive() {
        for _ in 0..<4 {
            guard case .open = phase, let socket else { return }
            switch socket.receive(into: input) {
            case .moved(let count):
                hear(UnsafeRawBufferPointer(rebasing: input[..<count]))
                if count < input.count { return }
            case .wouldBlock: return
            case .ended(let error): return close(TenancyError(connecting: error))
            }
        }
    }

    private func hear(_ bytes: UnsafeRawBufferPointer) {
        lastHeard = .now
        if let knownUntil, lastHeard > knownUntil { return close(Self.unknownServer) }
        guard let tls else { return take(bytes) }
        do throws(TenancyError) {
            try tls.decrypt(bytes) { take($0) }
        } catch {
            return close(error)
        }
        // The handshake goes on, or the peer wants other keys.
        send()
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard case .open = phase else { return }
        guard reader.feed(bytes) else { return close(TenancyError(.backendFailure, "hiredis is out of memory.")) }
        while true {
            switch reader.next() {
            case .incomplete: return
            case .malformed: return close(Self.malformed)
            case .reply(let reply):
                if let listener, listener(reply.lent) {
                    reply.free()
                    continue
                }
                guard let call = pending.first else {
                    reply.free()
                    return close(Self.malformed)
                }
                if call.add(reply) {
                    pending.removeFirst()
                    call.finish(nil)
                }
            }
        }
    }

    // MARK: Deadlines

    /// Sets the timer for the next thing that may be due. There is one at most, and it is not moved by each call.
    private func arm() {
        guard !pending.isEmpty else { return }
        let silence = lastHeard + configuration.idleTimeout
        let next = pending.firstDeadline.map { min($0, silence) } ?? silence
        timer = try? reactor.schedule(at: next) { [self] in assumeIsolated { $0.expire() } }
    }

    private func expire() {
        timer = nil
        let now = ContinuousClock.now
        while let call = pending.expireFirst(now) { call.finish(Self.commandTimeout) }
        if !pending.isEmpty, now >= lastHeard + configuration.idleTimeout { return close(Self.idleTimeout) }
        arm()
    }
}
