import Tenancy

/// Where a run's records are, from an empty database to its end.
protocol DatabasePlace: Sendable {
    /// What it is, for `--json`.
    var name: String { get }
    /// How tenants are kept apart in it, for `--json`.
    var model: String { get }
    /// What it is, for people.
    var explanation: String { get }
    /// What the SDK is to open.
    var source: DatabaseSource { get }

    /// Removes what is not to be kept: all of it after a run that did not reach its end, so that nothing is in the next
    /// one's way.
    func remove(isUnfinished: Bool) async
}
