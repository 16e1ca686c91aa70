import TenancyCore

extension RedisConfiguration {
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming the setting.
    func validate() throws(TenancyError) {
        if let problem { throw TenancyError(.invalidConfiguration, "Redis: " + problem) }
    }

    private var problem: String? {
        let texts = [host, user ?? "", tls.authorityFile ?? "", tls.serverName ?? ""]
        if host.isEmpty { return "The host is missing." }
        if texts.contains(where: { $0.utf8.contains(0) }) { return "A setting holds a NUL character." }
        if !(1...65_535).contains(port) { return "The port is not in 1…65535." }
        if let problem = topology.problem { return problem }
        if topology.isCluster, database != 0 { return "A cluster has only database 0, and database is another." }
        if user?.isEmpty == true { return "The user is empty." }
        if user != nil, password == nil { return "A user is set without a password." }
        if database < 0 || database > Int(Int32.max) { return "database is negative or too large." }
        // As the server takes it: printable and without spaces.
        if clientName.isEmpty || !clientName.utf8.allSatisfy({ (33...126).contains($0) }) {
            return "clientName is empty, or holds something else than printable ASCII characters."
        }
        if [connectTimeout, commandTimeout, idleTimeout].contains(where: { $0 < .milliseconds(1) }) {
            return "A timeout is less than a millisecond."
        }
        if keepalives.idle < .seconds(1) || keepalives.interval < .seconds(1) || keepalives.count < 1 {
            return "A time of keepalives is less than a second, or its count is not positive."
        }
        if reconnect.minimumPause < .milliseconds(1) || reconnect.maximumPause < reconnect.minimumPause {
            return "reconnect.minimumPause is less than a millisecond, or maximumPause is less than it."
        }
        if !(1...16).contains(connectionsPerReactor) { return "connectionsPerReactor is not in 1…16." }
        if maximumWaitingCalls < 1 { return "maximumWaitingCalls is less than 1." }
        if maximumTimeToLive < .seconds(1) { return "maximumTimeToLive is less than a second." }
        return nil
    }
}
