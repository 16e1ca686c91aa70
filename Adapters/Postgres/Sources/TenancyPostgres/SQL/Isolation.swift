import Foundation
import TenancyCore

/// How the server is told on whose behalf it works, and how its policies know: the second lock.
///
/// The setting lives as long as one transaction. A connection that goes back to a pool, ours or PgBouncer's, carries
/// nothing over.
struct Isolation: Sendable, Hashable {
    private enum Convention: Hashable, Sendable {
        case setting
        case claims(role: String, claim: String)
    }

    /// The setting that holds the tenant.
    static let setting = "app.tenant_id"
    /// The setting that holds the claims of the request, by Supabase's convention.
    static let claimsSetting = "request.jwt.claims"
    /// The setting of older versions, which `auth.jwt()` looks at first.
    private static let oldClaimsSetting = "request.jwt.claim"
    /// The policy that Tenancy makes.
    static let policyName = "tenancy_isolation"

    private let convention: Convention

    /// Tenancy's own convention: a setting that is empty or absent means no tenant.
    static let tenantSetting = Isolation(convention: .setting)

    /// Supabase's: a role that the transaction takes on, and claims that policies read through `auth.jwt()`.
    static func claims(role: String, claim: String) -> Isolation {
        Isolation(convention: .claims(role: role, claim: claim))
    }

    /// The role that transactions take on, if they do.
    var role: String? {
        if case .claims(let role, _) = convention { role } else { nil }
    }

    /// The policy's condition. The sub-select is evaluated once for a statement and not for each row; the column is
    /// bare, so that an index on it can be used; no tenant is null, which is equal to nothing.
    var condition: String {
        switch convention {
        case .setting:
            "tenant_id = (SELECT nullif(current_setting(\(Identifier.literal(Self.setting)), true), ''))"
        case .claims(_, let claim): "tenant_id = (SELECT auth.jwt() ->> \(Identifier.literal(claim)))"
        }
    }

    /// The condition as the server shows it, without what differs between its versions and means nothing.
    var normalizedCondition: String { Self.normalize(condition) }

    /// Takes spaces, parentheses, casts to text, and the name of a sub-select's column away.
    ///
    /// The sequence of what is left can only be parsed in one way, so that two conditions that become the same mean
    /// the same.
    static func normalize(_ expression: String) -> String {
        var text = expression.replacing("::text", with: "").replacing(" AS \"nullif\"", with: "")
        text = text.replacing("pg_catalog.", with: "")
        var result = ""
        var isLiteral = false
        for character in text {
            if character == "'" { isLiteral.toggle() }
            if !isLiteral, character.isWhitespace || character == "(" || character == ")" || character == "\"" {
                continue
            }
            result += isLiteral ? String(character) : character.lowercased()
        }
        return result
    }

    /// Tells the server the tenant, for the transaction that it runs in: the first statement of every group.
    static let bindTenant = CompiledStatement(
        "SELECT set_config('\(setting)', $1, true)", types: [.text])
    /// With what another client may have left on a pooler's connection out of the way.
    private static let bindClaims = CompiledStatement(
        """
        SELECT set_config('role', $1, true), set_config('\(claimsSetting)', $2, true), \
        set_config('\(oldClaimsSetting)', '', true)
        """, types: [.text, .text])

    /// The statement that binds a tenant, with its values.
    func binding(_ tenant: TenantID) -> BoundStatement {
        var parameters = ParameterBuffer(capacity: 2)
        switch convention {
        case .setting:
            parameters.append(text: tenant.rawValue)
            return BoundStatement(statement: Self.bindTenant, parameters: parameters)
        case .claims(let role, let claim):
            parameters.append(text: role)
            parameters.append(text: Self.claims(tenant, claim: claim, role: role))
            return BoundStatement(statement: Self.bindClaims, parameters: parameters)
        }
    }

    private static func claims(_ tenant: TenantID, claim: String, role: String) -> String {
        JSONValue.object([claim: .string(tenant.rawValue), "role": .string(role)]).text
    }
}
