import TenancyCore

/// What has to be done so that tables become what entities declare, found by comparing with the catalogue.
///
/// Run under the role that owns the tables, in one transaction that begins with ``lock``, so that of two processes that
/// start at once one waits and then finds nothing to do.
struct SchemaUpdate {
    /// One thing to do.
    enum Step: Sendable {
        /// A statement without values.
        case run(String)
        /// Words to fill in.
        case fill(SearchBackfill)
    }

    /// Waits for other processes that change tables; given back at the transaction's end.
    static let lock = "SELECT pg_advisory_xact_lock(\(0x74_656E_616E_6379))"

    let plans: [TablePlan]
    let catalogue: Catalogue
    let isolation: Isolation
    /// The role that statements run under.
    let role: String

    /// - Parameter user: The role that statements log in as.
    init(_ plans: [TablePlan], _ catalogue: Catalogue, isolation: Isolation, user: String) {
        self.plans = plans
        self.catalogue = catalogue
        self.isolation = isolation
        role = isolation.role ?? user
    }

    /// Everything to do, in order; nothing if the tables are as declared.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/schemaConflict`` if a table can't become what its entity
    ///   declares. It is thrown before anything is done for any of them.
    func steps() throws(TenancyError) -> [Step] {
        for plan in plans {
            if let table = catalogue.table(of: plan.entity) { try SchemaComparison(plan, table).check() }
        }
        var steps: [Step] = []
        if let schema = plans.first?.schema {
            if !catalogue.hasSchema { steps.append(.run("CREATE SCHEMA \(Identifier.quote(schema))")) }
            if !catalogue.isSchemaGranted {
                steps.append(.run("GRANT USAGE ON SCHEMA \(Identifier.quote(schema)) TO \(Identifier.quote(role))"))
            }
        }
        if installsTenantLedSearch { steps.append(.run("CREATE EXTENSION IF NOT EXISTS btree_gin")) }
        for plan in plans { steps += self.steps(plan) }
        return steps
    }

    /// What is thrown if there is something to do and nobody to do it.
    static func missing(_ steps: [Step]) -> TenancyError {
        let statements = steps.compactMap { step in
            if case .run(let text) = step { text } else { nil }
        }
        // What the records' words are only the adapter can tell.
        guard statements.count == steps.count else {
            return TenancyError(
                .schemaConflict, "Fields have become searchable, and no migration role is configured to index records.",
                hint: "Configure `migration` in one process and start it; it fills the new columns from the records.")
        }
        return TenancyError(
            .schemaConflict, "The tables are not as the entities declare them, and no migration role is configured.",
            hint: "Configure `migration`, or run as the tables' owner: " + statements.joined(separator: "; ") + ";")
    }

    private var searches: Bool { plans.contains { !$0.entity.searchFields.isEmpty } }
    private var installsTenantLedSearch: Bool {
        searches && !catalogue.hasTenantLedSearch && catalogue.canInstallTenantLedSearch
    }
    private var isLedByTenant: Bool { catalogue.hasTenantLedSearch || installsTenantLedSearch }

    private func steps(_ plan: TablePlan) -> [Step] {
        let text = TableText(plan: plan, isolation: isolation)
        let indexes = text.indexes(isLedByTenant: isLedByTenant)
        var statements: [String] = []
        guard let table = catalogue.table(of: plan.entity) else {
            statements = [text.create] + TableText.protect(plan.table) + [text.policy] + grants(plan)
            statements += indexes.sorted { $0.key < $1.key }.map(\.value)
            return statements.map(Step.run)
        }
        statements += SchemaComparison(plan, table).alterations
        let search = searchSteps(plan, table, text)
        var after: [String] = []
        for child in catalogue.tables where child.entity == plan.entity.name {
            if !child.hasRowSecurity || !child.forcesRowSecurity { after += TableText.protect(child.name) }
        }
        after += policySteps(plan, table, text)
        if !table.isGranted || table.isOvergranted { after += grants(plan) }
        for index in table.indexes where IndexName.isOurs(index.name, plan.entity) {
            // One over a column that is gone went with it.
            if indexes[index.name] == nil || !index.isValid {
                after.append("DROP INDEX IF EXISTS \(Identifier.quote(plan.schema, index.name))")
            }
        }
        for (name, create) in indexes.sorted(by: { $0.key < $1.key })
        where !table.indexes.contains(where: { $0.name == name && $0.isValid }) {
            after.append(create)
        }
        return statements.map(Step.run) + search + after.map(Step.run)
    }

    /// What the role needs and no more, whatever the database's default privileges give to roles.
    private func grants(_ plan: TablePlan) -> [String] {
        let role = Identifier.quote(role)
        return [
            "REVOKE ALL ON TABLE \(plan.table) FROM PUBLIC, \(role)",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE \(plan.table) TO \(role)",
        ]
    }

    private func policySteps(_ plan: TablePlan, _ table: Catalogue.Table, _ text: TableText) -> [String] {
        guard let policy = table.policies.first(where: { $0.name == Isolation.policyName }) else {
            return [text.policy]
        }
        let role = isolation.role ?? "public"
        if PolicyCheck.isExpected(policy, isolation), policy.roles == [role] { return [] }
        return ["DROP POLICY \(Identifier.quote(Isolation.policyName)) ON \(plan.table)", text.policy]
    }

    /// Columns of words are derived, so those that are no longer declared go, and those that are missing are filled.
    private func searchSteps(_ plan: TablePlan, _ table: Catalogue.Table, _ text: TableText) -> [Step] {
        let names = plan.names
        let wanted = Set(names.searchColumns.map(names.wordsName) + [names.searchName].compactMap(\.self))
        let stored = table.columns.map(\.name).filter { $0.hasPrefix("_words_") || $0.hasPrefix("_search_") }
        var steps: [Step] = []
        // The joined column depends on the others: it goes first and comes last.
        for name in stored.filter({ !wanted.contains($0) }).sorted() {
            steps.append(.run("ALTER TABLE \(plan.table) DROP COLUMN \(Identifier.quote(name))"))
        }
        let missing = names.searchColumns.filter { !stored.contains(names.wordsName($0)) }
        for column in missing {
            steps.append(.run("ALTER TABLE \(plan.table) ADD COLUMN \(names.words(column)) tsvector"))
        }
        if let name = names.searchName, let joined = text.joined, !stored.contains(name) {
            steps.append(.run("ALTER TABLE \(plan.table) ADD COLUMN \(joined)"))
        }
        guard !missing.isEmpty else { return steps }
        // The owner sees no rows while row security is forced.
        steps.append(.run("ALTER TABLE \(plan.table) NO FORCE ROW LEVEL SECURITY"))
        steps.append(.fill(SearchBackfill(plan)))
        steps.append(.run("ALTER TABLE \(plan.table) FORCE ROW LEVEL SECURITY"))
        return steps
    }
}
