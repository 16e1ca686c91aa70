public import TenancyCore

// What one tenant has.
extension RedisCache {
    /// Removes one tenant's values and leases. Goes through the names of all tenants' entries, some hundred at a time.
    ///
    /// - Throws: As ``run(_:for:)``.
    @discardableResult
    public func flush(_ tenant: TenantID) async throws(TenancyError) -> Int {
        do throws(TenancyError) {
            switch try lane(for: tenant) {
            case .server(let node): return try await RedisFlush(tenant, in: try node.session()).run()
            case .masters(let lane): return try await flush(tenant, in: lane)
            }
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    private func flush(_ tenant: TenantID, in lane: MasterLane) async throws(TenancyError) -> Int {
        var removed = 0
        for attempt in 0..<3 {
            do throws(TenancyError) {
                var sessions: [RedisSession] = []
                for node in try lane.nodes() { sessions.append(try node.session()) }
                for session in sessions {
                    let masters = configuration.topology.isCluster ? sessions : nil
                    removed += try await RedisFlush(tenant, in: session, masters: masters).run()
                }
                return removed
            } catch {
                // Entries that went to another master meanwhile may have come after its turn.
                guard ["MOVED", "ASK"].contains(error.details.backendCode), attempt < 2 else { throw error }
                lane.watch.refresh()
            }
        }
        return removed
    }

    /// The next of one tenant's keys. Each call has one server look at some hundred names of all tenants.
    ///
    /// - Throws: As ``run(_:for:)``, or ``TenancyError`` with code `invalidCursor`, also if the server at which the scan was
    ///   is no longer there, or has lost its data: begin again then.
    public func scan(
        _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
    ) async throws(TenancyError) -> CachePage {
        do throws(TenancyError) {
            return try await RedisScan(
                tenant, in: try masters(for: tenant), isCluster: configuration.topology.isCluster
            )
            .page(prefix: prefix, after: cursor)
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    /// How many values one tenant has and what they take on the servers, by their own account. Goes through the names of
    /// all tenants' entries, some hundred at a time.
    ///
    /// - Throws: As ``run(_:for:)``.
    public func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage {
        do throws(TenancyError) {
            return try await RedisScan(
                tenant, in: try masters(for: tenant), isCluster: configuration.topology.isCluster
            )
            .usage()
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    private func masters(for tenant: TenantID) throws(TenancyError) -> [RedisSession] {
        switch try lane(for: tenant) {
        case .server(let node): return [try node.session()]
        case .masters(let lane):
            var sessions: [RedisSession] = []
            for node in try lane.nodes() { sessions.append(try node.session()) }
            return sessions
        }
    }
}
