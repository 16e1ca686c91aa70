public import TenancyCore

extension TenantHandle {
    /// Records an event for the analytics sinks, without waiting for them.
    ///
    /// Inside a transaction the event is held, and recorded after the commit. It is dropped if the transaction, or the
    /// nested one that it was tracked in, is rolled back, and also if a commit's outcome is not known.
    ///
    /// - Parameters:
    ///   - name: What happened, such as `report_opened`; 1 to 255 bytes of UTF-8, not only spaces.
    ///   - properties: Details, as JSON at most ``SDKConfig/Limits/maximumEventBytes``; numbers that are not finite
    ///     become `null`.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue`` or ``TenancyError/Code/valueTooLarge`` for the
    ///   event, and the codes of admission, as every call.
    public func track(_ name: String, _ properties: [String: JSONValue] = [:]) async throws(TenancyError) {
        guard !name.allSatisfy(\.isWhitespace) else {
            throw TenancyError(.invalidValue, "An event has no name.", hint: "Say what happened.")
        }
        guard name.utf8.count <= 255 else {
            throw TenancyError(
                .valueTooLarge, "An event's name is longer than 255 bytes.", hint: "Put details into the properties.")
        }
        let json = JSON(.object(properties.mapValues(\.finite)))
        let maximum = session.manager.limits.maximumEventBytes
        guard json.text.utf8.count <= maximum else {
            throw TenancyError(.valueTooLarge, "An event's properties are larger than the limit of \(maximum) bytes.")
        }
        _ = try await session.admit()
        let event = AnalyticsEvent(name: name, properties: json, in: session.context)
        guard let events = session.events else { return session.manager.recorder.record(event) }
        try events.add([event])
    }
}
