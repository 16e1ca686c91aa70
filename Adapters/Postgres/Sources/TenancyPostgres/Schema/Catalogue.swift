import Foundation
import TenancyCore

/// What the server's catalogue says of the entities' tables and of the role that asks.
struct Catalogue: Sendable, Decodable {
    /// A role that the connection's role is, or is a member of.
    struct Role: Sendable, Decodable {
        var name: String
        var isSuperuser: Bool
        var bypassesPolicies: Bool
        /// Whether the role is the current one or one that it is a member of.
        var ofCurrent: Bool
        /// Whether the role is the one that logged in or one that it is a member of.
        var ofSession: Bool
    }

    struct Column: Sendable, Decodable {
        var name: String
        var type: String
        var isNotNull: Bool
        var hasDefault: Bool
        var collation: String?
    }

    struct Index: Sendable, Decodable {
        var name: String
        var isUnique: Bool
        var isPrimary: Bool
        var isValid: Bool
        /// The columns; `nil` for an expression.
        var columns: [String?]
    }

    struct Policy: Sendable, Decodable {
        var name: String
        var isPermissive: Bool
        /// `*` for all commands.
        var command: String
        /// `public` for every role.
        var roles: [String]
        var using: String?
        var check: String?
    }

    struct ForeignKey: Sendable, Decodable {
        var name: String
        var columns: [String]
        var referencedColumns: [String]
        var referencing: String
        var referenced: String
    }

    /// A table of an entity, or a partition or child of one.
    struct Table: Sendable, Decodable {
        /// The entity, by its table's name.
        var entity: String
        /// The table with its schema, quoted.
        var name: String
        var isChild: Bool
        /// `r` for a table, `p` for a partitioned one.
        var kind: String
        var owner: String
        /// Whether the current role is, or is a member of, the owner.
        var isOwnedByCurrent: Bool
        /// Whether the role that logged in is, or is a member of, the owner.
        var isOwnedBySession: Bool
        var hasRowSecurity: Bool
        var forcesRowSecurity: Bool
        /// Whether the role that statements run under may read and change records.
        var isGranted: Bool
        /// Whether that role may do what row security does not bind: empty the table, refer to it, or add triggers.
        var isOvergranted: Bool
        var columns: [Column]
        var indexes: [Index]
        var policies: [Policy]
        var foreignKeys: [ForeignKey]

        func column(_ name: String) -> Column? { columns.first { $0.name == name } }
    }

    /// A view or function that the connection's role may use and that reads an entity's table with its owner's rights.
    struct Exposure: Sendable, Decodable {
        var entity: String
        /// Its name with its schema, quoted.
        var name: String
        /// `view`, `materialized view` or `function`.
        var kind: String
        var owner: String
    }

    /// The server's version, as 150018.
    var version: Int
    var currentRole: String
    var sessionRole: String
    var roles: [Role]
    var hasSchema: Bool
    /// Whether the role that statements run under may use the schema.
    var isSchemaGranted: Bool
    /// Whether `btree_gin` is installed, which lets an index of words begin with the tenant.
    var hasTenantLedSearch: Bool
    /// Whether it could be installed by the role that asks.
    var canInstallTenantLedSearch: Bool
    /// Whether text can be matched without regard to case.
    var hasRootCollation: Bool
    /// Whether an index of words can be used under row security: only a superuser can allow it, by
    /// `ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF`.
    var canSearchByIndex: Bool
    var tables: [Table]
    var exposures: [Exposure]

    /// The table of an entity; `nil` if there is none.
    func table(of entity: EntityDescription) -> Table? { tables.first { $0.entity == entity.name && !$0.isChild } }

    /// Reads the answer to ``question(_:schema:role:)``.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if it has another form.
    init(_ rows: any RowBatch) throws(TenancyError) {
        guard rows.count == 1 else { throw Self.unexpected }
        let text = try rows.string(0, 0)
        do { self = try JSONDecoder().decode(Catalogue.self, from: Data(text.utf8)) } catch { throw Self.unexpected }
    }

    private static var unexpected: TenancyError {
        TenancyError(.corrupted, "The server's catalogue has another form than this version of Tenancy knows.")
    }
}
