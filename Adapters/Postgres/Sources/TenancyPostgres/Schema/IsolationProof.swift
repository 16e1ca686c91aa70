import TenancyCore

/// Whether a policy is the one that keeps tenants apart.
enum PolicyCheck {
    static func isExpected(_ policy: Catalogue.Policy, _ isolation: Isolation) -> Bool {
        let expected = isolation.normalizedCondition
        // Without a condition of its own for new rows the server takes the one for old rows.
        let check = policy.check ?? policy.using
        return policy.isPermissive && policy.command == "*" && policy.using.map(Isolation.normalize) == expected
            && check.map(Isolation.normalize) == expected
    }
}

/// What the catalogue proves, or fails to, about the isolation of tenants: asked by the role that statements run under,
/// before the first of them.
struct IsolationProof {
    /// One thing that keeps the proof from succeeding.
    struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The entity; `nil` for the role.
        let entity: String?
        /// What is wrong.
        let message: String
        /// What to run, or to do.
        let remedy: String

        var description: String { "\(entity.map { "\($0): " } ?? "")\(message) → \(remedy)" }
    }

    let plans: [TablePlan]
    let catalogue: Catalogue
    let isolation: Isolation

    init(_ plans: [TablePlan], _ catalogue: Catalogue, isolation: Isolation) {
        self.plans = plans
        self.catalogue = catalogue
        self.isolation = isolation
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/isolationUnproven``, which names every problem and
    ///   what to do.
    func check() throws(TenancyError) {
        let problems = problems
        guard !problems.isEmpty else { return }
        let shown = problems.prefix(20).map { problem in
            (problem.entity.map { "\($0): " } ?? "") + problem.message
        }
        var remedies: [String] = []
        for remedy in problems.map(\.remedy) where !remedies.contains(remedy) { remedies.append(remedy) }
        throw TenancyError(
            .isolationUnproven,
            "PostgreSQL does not keep tenants apart. " + shown.joined(separator: " "),
            hint: "Run: " + remedies.prefix(20).joined(separator: "; ") + ".",
            details: .init(entity: problems.first?.entity))
    }

    /// Everything that is wrong.
    var problems: [Problem] {
        roleProblems + plans.flatMap(problems) + catalogue.exposures.map(problem)
    }

    /// Whether what a role can do counts. By Supabase's conventions the login role can become others; what counts is
    /// the one that each transaction takes on.
    private func counts(_ role: Catalogue.Role) -> Bool {
        role.ofCurrent || (isolation.role == nil && role.ofSession)
    }

    private var roleProblems: [Problem] {
        var problems: [Problem] = []
        if let role = isolation.role, catalogue.currentRole != role {
            problems.append(
                Problem(
                    entity: nil, message: "The role is \(catalogue.currentRole) and not \(role).",
                    remedy: "GRANT \(Identifier.quote(role)) TO \(Identifier.quote(catalogue.sessionRole))"))
        }
        let powers = catalogue.roles.filter { counts($0) && ($0.isSuperuser || $0.bypassesPolicies) }
        let own = [catalogue.currentRole] + (isolation.role == nil ? [catalogue.sessionRole] : [])
        // A superuser counts as a member of every role, which is one problem and not hundreds.
        let itself = powers.filter { own.contains($0.name) }
        for role in itself.isEmpty ? powers : itself {
            let name = Identifier.quote(role.name)
            let power = role.isSuperuser ? "a superuser" : "above policies (BYPASSRLS)"
            if own.contains(role.name) {
                problems.append(
                    Problem(
                        entity: nil, message: "The role \(role.name) is \(power).",
                        remedy: "ALTER ROLE \(name) NOSUPERUSER NOBYPASSRLS, or configure another user"))
            } else {
                problems.append(
                    Problem(
                        entity: nil,
                        message: "The role \(catalogue.currentRole) is a member of \(role.name), which is \(power).",
                        remedy: "REVOKE \(name) FROM \(Identifier.quote(catalogue.currentRole))"))
            }
        }
        return problems
    }

    private func problems(_ plan: TablePlan) -> [Problem] {
        let entity = plan.entity.name
        guard let table = catalogue.table(of: plan.entity) else {
            return [
                Problem(
                    entity: entity, message: "The table is not there.",
                    remedy: "configure `migration`, or make the table \(plan.table)")
            ]
        }
        var problems: [Problem] = []
        let tenant = table.column("tenant_id")
        if tenant?.type != "text" || tenant?.collation != "C" || tenant?.isNotNull != true {
            problems.append(
                Problem(
                    entity: entity, message: "The column tenant_id is missing, nullable, or compared by a collation.",
                    remedy: "ALTER TABLE \(table.name) ALTER COLUMN tenant_id TYPE text COLLATE \"C\", "
                        + "ALTER COLUMN tenant_id SET NOT NULL"))
        }
        for member in catalogue.tables where member.entity == entity {
            problems += TableProof(member, catalogue: catalogue, isolation: isolation).problems
        }
        return problems
    }

    private func problem(_ exposure: Catalogue.Exposure) -> Problem {
        let role = Identifier.quote(catalogue.currentRole)
        let remedy =
            switch exposure.kind {
            case "function": "ALTER FUNCTION \(exposure.name) SECURITY INVOKER"
            case "view": "ALTER VIEW \(exposure.name) SET (security_invoker = true)"
            default: "REVOKE ALL ON \(exposure.name) FROM PUBLIC, \(role)"
            }
        return Problem(
            entity: exposure.entity,
            message:
                "The \(exposure.kind) \(exposure.name) shows every tenant's rows by the rights of \(exposure.owner).",
            remedy: remedy)
    }
}
