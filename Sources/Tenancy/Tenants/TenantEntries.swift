import Synchronization
import TenancyCore

/// The tenants that this process remembers: a bounded number, and beyond it those that a handle still refers to.
///
/// There is never a second entry for a tenant while the first is in use, so that a suspension reaches all handles.
final class TenantEntries: Sendable {
    private struct Forgotten {
        weak var entry: TenantEntry?
    }

    private struct State {
        var remembered: [TenantID: TenantEntry] = [:]
        var forgotten: [TenantID: Forgotten] = [:]
        /// How many forgotten ones there may be before those that are no longer in use are cleared away.
        var clearingSize = 64
    }

    private let maximumCount: Int
    private let state = Mutex(State())

    init(maximumCount: Int) { self.maximumCount = maximumCount }

    /// The entry of a tenant, if there is one.
    subscript(id: TenantID) -> TenantEntry? {
        state.withLock { state in state.remembered[id] ?? revive(id, &state) }
    }

    /// Takes over what was read or written of a tenant.
    @discardableResult
    func remember(_ tenant: StoredTenant) -> TenantEntry {
        state.withLock { state in
            if let entry = state.remembered[tenant.tenant.id] ?? revive(tenant.tenant.id, &state) {
                entry.update(tenant)
                return entry
            }
            let entry = TenantEntry(tenant)
            insert(entry, &state)
            return entry
        }
    }

    private func revive(_ id: TenantID, _ state: inout State) -> TenantEntry? {
        guard let entry = state.forgotten.removeValue(forKey: id)?.entry else { return nil }
        insert(entry, &state)
        return entry
    }

    private func insert(_ entry: TenantEntry, _ state: inout State) {
        if state.remembered.count >= maximumCount, let (id, victim) = state.remembered.first {
            state.remembered[id] = nil
            state.forgotten[id] = Forgotten(entry: victim)
            if state.forgotten.count > state.clearingSize {
                state.forgotten = state.forgotten.filter { $0.key == id || $0.value.entry != nil }
                state.clearingSize = max(64, 2 * state.forgotten.count)
            }
        }
        state.remembered[entry.id] = entry
    }
}
