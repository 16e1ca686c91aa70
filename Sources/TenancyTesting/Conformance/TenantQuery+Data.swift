import Tenancy
import TenancyCore

// Cases whose conditions and orders are data, and whose records are typed nevertheless.
extension TenantQuery where Element: Entity {
    func `where`(_ predicate: TenancyCore.Predicate) -> TenantQuery { filtered(by: predicate) }

    func sorted(by field: String, _ direction: SortDirection = .ascending) -> TenantQuery {
        sorted(byField: field, direction)
    }
}
