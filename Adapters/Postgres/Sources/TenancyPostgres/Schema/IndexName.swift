import TenancyCore

/// The names of indexes. A name says by a digest all there is to say about its index, so that an index whose
/// declaration changed has another name, and fits into the server's 63 bytes whatever the entity is called.
enum IndexName {
    static func primaryKey(_ entity: EntityDescription) -> String { entity.name + "_pkey" }

    static func of(_ index: EntityDescription.Index, _ entity: EntityDescription) -> String {
        name(entity, index.isUnique ? "u" : "i", columns(index, entity).map { entity.fields[$0].name })
    }

    /// The index of the words of all search fields.
    static func search(_ entity: EntityDescription, isLedByTenant: Bool) -> String {
        name(entity, "s", [ColumnNames(entity).searchName ?? "", isLedByTenant ? "tenant" : ""])
    }

    /// Whether an index's name is one that Tenancy gives to an entity's indexes.
    static func isOurs(_ name: String, _ entity: EntityDescription) -> Bool {
        guard name.hasPrefix(entity.name + "_") else { return false }
        let rest = name.dropFirst(entity.name.count + 1)
        return ["u_", "i_", "s_"].contains { rest.hasPrefix($0) } && rest.count == 14
            && rest.dropFirst(2).allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }

    /// The columns after the tenant's. An index that is not unique ends with the key, so that a page, which is sorted
    /// by it last, can be read in the index's order.
    static func columns(_ index: EntityDescription.Index, _ entity: EntityDescription) -> [Int] {
        if index.isUnique || index.columns.contains(entity.keyColumn) { return index.columns }
        return index.columns + [entity.keyColumn]
    }

    private static func name(_ entity: EntityDescription, _ kind: String, _ parts: [String]) -> String {
        "\(entity.name)_\(kind)_\(Digest.of(parts).prefix(12))"
    }
}
