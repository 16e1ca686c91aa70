import TenancyCore

/// A search in the language of SQLite's full-text index.
enum SearchExpression {
    /// The words, quoted, in the search fields only; before them the tenant's id, as a phrase in its own column, so
    /// that the index leaves out most of what is others'. Ids that differ by case or by `-` and `_` are the same
    /// phrase; which records are the tenant's is decided by the condition on the table.
    static func text(_ statement: SearchStatement, _ tenant: TenantID) -> String {
        let words = statement.terms.words
        let terms = words.enumerated().map { position, word in
            let quoted = "\"" + word.replacing("\"", with: "\"\"") + "\""
            return position == words.count - 1 && statement.shape.lastWordIsPrefix ? quoted + " *" : quoted
        }
        let joined = terms.joined(separator: statement.shape.requiresAllWords ? " AND " : " OR ")
        return "(tenant_id : \"\(tenant.rawValue)\") AND (- tenant_id : (\(joined)))"
    }
}
