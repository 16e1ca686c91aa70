import TenancyCore

extension SDKConfig {
    /// A setting of the SDK's own: its full name, what it can be, and where it is kept.
    struct Setting: Sendable {
        enum Place: Sendable {
            case duration(any WritableKeyPath<SDKConfig, Duration> & Sendable)
            case optionalDuration(any WritableKeyPath<SDKConfig, Duration?> & Sendable)
            case integer(any WritableKeyPath<SDKConfig, Int> & Sendable)
            case number(any WritableKeyPath<SDKConfig, Double> & Sendable)
            case serialization(any WritableKeyPath<SDKConfig, CacheSerialization> & Sendable)
        }

        let key: SettingKey
        let place: Place

        fileprivate init(
            _ name: String, _ place: any WritableKeyPath<SDKConfig, Duration> & Sendable, _ range: ClosedRange<Duration>
        ) {
            key = SettingKey(name, .duration(in: range))
            self.place = .duration(place)
        }

        fileprivate init(
            _ name: String, _ place: any WritableKeyPath<SDKConfig, Duration?> & Sendable,
            _ range: ClosedRange<Duration>
        ) {
            key = SettingKey(name, .duration(in: range))
            self.place = .optionalDuration(place)
        }

        fileprivate init(
            _ name: String, _ place: any WritableKeyPath<SDKConfig, Int> & Sendable, _ range: ClosedRange<Int>
        ) {
            key = SettingKey(name, .integer(in: range))
            self.place = .integer(place)
        }

        fileprivate init(
            _ name: String, _ place: any WritableKeyPath<SDKConfig, Double> & Sendable, _ range: ClosedRange<Double>
        ) {
            key = SettingKey(name, .number(in: range))
            self.place = .number(place)
        }

        fileprivate init(
            _ name: String, _ place: any WritableKeyPath<SDKConfig, CacheSerialization> & Sendable
        ) {
            key = SettingKey(name, .choice(CacheSerialization.all.map(\.name)))
            self.place = .serialization(place)
        }

        /// Puts a value in its place, if it is of the setting's kind.
        func apply(_ value: Settings.Value, to config: inout SDKConfig) {
            switch (place, value) {
            case (.duration(let place), .duration(let value)): config[keyPath: place] = value
            case (.optionalDuration(let place), .duration(let value)): config[keyPath: place] = value
            case (.integer(let place), .integer(let value)): config[keyPath: place] = value
            case (.number(let place), .number(let value)): config[keyPath: place] = value
            case (.serialization(let place), .text(let value)):
                for form in CacheSerialization.all where form.name == value { config[keyPath: place] = form }
            default: break
            }
        }

        /// What the setting is in a configuration; `nil` if it is left to follow from others.
        func value(in config: SDKConfig) -> Settings.Value? {
            switch place {
            case .duration(let place): .duration(config[keyPath: place])
            case .optionalDuration(let place): config[keyPath: place].map { .duration($0) }
            case .integer(let place): .integer(config[keyPath: place])
            case .number(let place): .number(config[keyPath: place])
            case .serialization(let place): .text(config[keyPath: place].name)
            }
        }
    }

    /// Every setting that is a number, a time or a choice, with its range: what is read from files and checked at the start.
    ///
    /// No range has an end that a sum or product of settings could overflow at.
    static var settings: [Setting] {
        let millisecond = Duration.milliseconds(1)
        let hour = Duration.seconds(3_600)
        let year = Duration.seconds(365 * 86_400)
        return [
            Setting("callTimeout", \.callTimeout, millisecond...24 * hour),
            Setting("shutdownTimeout", \.shutdownTimeout, millisecond...hour),
            Setting("caching.timeToLive", \.caching.timeToLive, millisecond...year),
            Setting("caching.absenceTimeToLive", \.caching.absenceTimeToLive, millisecond...year),
            Setting("caching.jitter", \.caching.jitter, 0...0.5),
            Setting("caching.leaseTime", \.caching.leaseTime, millisecond...hour),
            Setting("caching.leaseWait", \.caching.leaseWait, .zero...hour),
            Setting("caching.blockTime", \.caching.blockTime, millisecond...24 * hour),
            Setting("caching.maximumResultBytes", \.caching.maximumResultBytes, 0...1 << 30),
            Setting("caching.bulkThreshold", \.caching.bulkThreshold, 1...1_000_000),
            Setting("caching.earlyRefresh", \.caching.earlyRefresh, 0...10),
            Setting("caching.staleIfError", \.caching.staleIfError, .zero...24 * hour),
            Setting("caching.maximumLoads", \.caching.maximumLoads, 1...1_000_000),
            Setting("caching.maximumFailures", \.caching.maximumFailures, 1...1_000_000),
            Setting("caching.pauseTime", \.caching.pauseTime, millisecond...hour),
            Setting("caching.localMaximumBytes", \.caching.localMaximumBytes, 0...1 << 40),
            Setting("caching.localTimeToLive", \.caching.localTimeToLive, millisecond...year),
            Setting("caching.serialization", \.caching.serialization),
            Setting("caching.compressionThreshold", \.caching.compressionThreshold, 0...1 << 30),
            Setting("registry.refreshInterval", \.registry.refreshInterval, millisecond...24 * hour),
            Setting("registry.maximumCachedTenants", \.registry.maximumCachedTenants, 1...100_000_000),
            Setting("registry.deletionGrace", \.registry.deletionGrace, .zero...7 * 24 * hour),
            Setting("limits.maximumValueBytes", \.limits.maximumValueBytes, 1...1 << 30),
            Setting("limits.maximumPageSize", \.limits.maximumPageSize, 1...1_000_000),
            Setting("limits.maximumRows", \.limits.maximumRows, 1...100_000_000),
            Setting("limits.maximumBatchSize", \.limits.maximumBatchSize, 1...1_000_000),
            Setting("limits.maximumEventBytes", \.limits.maximumEventBytes, 1...1 << 30),
            Setting("limits.maximumKeys", \.limits.maximumKeys, 1...1_000_000),
        ]
    }

    /// What contradicts what, in words that name the settings.
    var contradictions: [(name: String, problem: String)] {
        var found: [(name: String, problem: String)] = []
        if caching.leaseTime > caching.blockTime {
            found.append(("caching.leaseTime", "must not exceed 'caching.blockTime'"))
        }
        // 0 says that nobody else uses the database. What is between guards against nothing that is known.
        if let grace = registry.deletionGrace, grace > .zero, grace < registry.refreshInterval + callTimeout {
            found.append(
                (
                    "registry.deletionGrace",
                    "must be 0 or at least as long as 'registry.refreshInterval' and 'callTimeout' together"
                ))
        }
        return found
    }
}

private func * (count: Int, duration: Duration) -> Duration { duration * count }
