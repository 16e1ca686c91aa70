import TenancyCore

/// What the catalogue proves, or fails to, about one table.
struct TableProof {
    private let table: Catalogue.Table
    private let catalogue: Catalogue
    private let isolation: Isolation

    init(_ table: Catalogue.Table, catalogue: Catalogue, isolation: Isolation) {
        self.table = table
        self.catalogue = catalogue
        self.isolation = isolation
    }

    var problems: [IsolationProof.Problem] {
        var problems: [IsolationProof.Problem] = []
        if table.isOwnedByCurrent || (isolation.role == nil && table.isOwnedBySession) {
            problems.append(
                problem(
                    "The role \(catalogue.currentRole) owns the table \(table.name), or is a member of its owner.",
                    "ALTER TABLE \(table.name) OWNER TO another role, and configure that one as `migration`"))
        }
        if !table.hasRowSecurity {
            problems.append(
                problem(
                    "The table \(table.name) has no row security.",
                    "ALTER TABLE \(table.name) ENABLE ROW LEVEL SECURITY"))
        }
        if !table.forcesRowSecurity {
            problems.append(
                problem(
                    "The table \(table.name) does not force row security on its owner.",
                    "ALTER TABLE \(table.name) FORCE ROW LEVEL SECURITY"))
        }
        if table.isOvergranted {
            let role = isolation.role ?? catalogue.sessionRole
            problems.append(
                problem(
                    "The role \(role) may empty the table \(table.name), refer to it or add triggers, which no policy binds.",
                    "REVOKE TRUNCATE, REFERENCES, TRIGGER ON \(table.name) FROM PUBLIC, \(Identifier.quote(role))"))
        }
        return problems + policyProblems + indexProblems + foreignKeyProblems
    }

    private func problem(_ message: String, _ remedy: String) -> IsolationProof.Problem {
        IsolationProof.Problem(entity: table.entity, message: message, remedy: remedy)
    }

    private func applies(_ policy: Catalogue.Policy) -> Bool {
        policy.roles.contains { name in
            name == "public"
                || catalogue.roles.contains {
                    $0.name == name && ($0.ofCurrent || (isolation.role == nil && $0.ofSession))
                }
        }
    }

    /// Policies that permit are joined by OR, so that any other than the expected one opens the table. Those that
    /// restrict can only take away.
    private var policyProblems: [IsolationProof.Problem] {
        let permitting = table.policies.filter { $0.isPermissive && applies($0) }
        let expected = permitting.filter { PolicyCheck.isExpected($0, isolation) }
        var problems = permitting.filter { !PolicyCheck.isExpected($0, isolation) }.map { policy in
            problem(
                "The policy \(policy.name) of \(table.name) permits something else than the tenant's own rows.",
                "DROP POLICY \(Identifier.quote(policy.name)) ON \(table.name)")
        }
        // A partition is read through its table; asked by itself, it shows nothing without a policy.
        if expected.isEmpty, !table.isChild {
            let condition = isolation.condition
            let policy = "POLICY \(Isolation.policyName) ON \(table.name)"
            problems.append(
                problem(
                    "The table \(table.name) has no policy that permits the tenant's own rows only.",
                    "CREATE \(policy) USING (\(condition)) WITH CHECK (\(condition))"
                ))
        }
        return problems
    }

    /// A unique index that does not begin with the tenant tells a tenant which values others have.
    private var indexProblems: [IsolationProof.Problem] {
        table.indexes.filter { $0.isUnique && $0.columns.first != "tenant_id" }.map { index in
            problem(
                "The unique index \(index.name) of \(table.name) does not begin with the tenant.",
                "DROP INDEX \(Identifier.quote(index.name)), or drop the constraint of that name")
        }
    }

    /// References are checked without policies, so that only their columns keep them within a tenant.
    private var foreignKeyProblems: [IsolationProof.Problem] {
        table.foreignKeys.filter { key in
            !zip(key.columns, key.referencedColumns).contains { $0 == "tenant_id" && $1 == "tenant_id" }
        }.map { key in
            problem(
                "The foreign key \(key.name) can refer to another tenant's record.",
                "ALTER TABLE \(key.referencing) DROP CONSTRAINT \(Identifier.quote(key.name))")
        }
    }
}
