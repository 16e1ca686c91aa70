import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: proof of isolation", .requires(.application))
struct IsolationProofTests {
    /// A way to open a table, and whether the remedy that the proof names is a statement that closes it again.
    struct Hole: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: [String]
        let says: String
        var hasRemedy = true

        init(_ name: String, _ sql: String..., says: String, hasRemedy: Bool = true) {
            testDescription = name
            self.sql = sql
            self.says = says
            self.hasRemedy = hasRemedy
        }
    }

    /// `$` stands for the schema.
    static let holes = [
        Hole("row security off", "ALTER TABLE $.items DISABLE ROW LEVEL SECURITY", says: "no row security"),
        Hole("row security not forced", "ALTER TABLE $.items NO FORCE ROW LEVEL SECURITY", says: "does not force"),
        Hole("a second permissive policy", "CREATE POLICY open ON $.items USING (true)", says: "policy open"),
        Hole(
            "a second permissive policy for reading", "CREATE POLICY open ON $.items FOR SELECT USING (true)",
            says: "policy open"),
        Hole("no policy", "DROP POLICY tenancy_isolation ON $.items", says: "has no policy"),
        Hole(
            "a policy that lets everything be written", "ALTER POLICY tenancy_isolation ON $.items WITH CHECK (true)",
            says: "tenancy_isolation", hasRemedy: false),
        Hole(
            "a policy that is open without a tenant",
            "ALTER POLICY tenancy_isolation ON $.items USING (tenant_id = current_setting('app.tenant_id', true) OR "
                + "current_setting('app.tenant_id', true) IS NULL)", says: "tenancy_isolation", hasRemedy: false),
        Hole(
            "a policy with another setting",
            "ALTER POLICY tenancy_isolation ON $.items USING "
                + "(tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')))", says: "tenancy_isolation",
            hasRemedy: false),
        Hole(
            "a unique index of all tenants", "CREATE UNIQUE INDEX by_number ON $.items (number, id)",
            says: "by_number", hasRemedy: false),
        Hole(
            "a view with its owner's rights", "CREATE VIEW $.v AS SELECT * FROM $.items",
            "GRANT SELECT ON $.v TO tenancy_app", says: "view $.v"),
        Hole(
            "a view of a view", "CREATE VIEW $.inner_v AS SELECT * FROM $.items",
            "CREATE VIEW $.outer_v AS SELECT * FROM $.inner_v", "GRANT SELECT ON $.outer_v TO tenancy_app",
            says: "view $.outer_v", hasRemedy: false),
        Hole(
            "a materialized view", "CREATE MATERIALIZED VIEW $.m AS SELECT * FROM $.items",
            "GRANT SELECT ON $.m TO tenancy_app", says: "materialized view $.m"),
        Hole(
            "a function with its owner's rights",
            "CREATE FUNCTION $.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM $.items'",
            says: "function $.f()"),
        Hole(
            "a function with a parsed body",
            "CREATE FUNCTION $.g() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
                + "BEGIN ATOMIC SELECT count(*) FROM $.items; END", says: "function $.g()"),
        Hole(
            "a foreign key without the tenant", "CREATE UNIQUE INDEX tmp ON $.items (id)",
            "CREATE TABLE $.other (item bigint CONSTRAINT to_item REFERENCES $.items (id))", says: "to_item",
            hasRemedy: false),
        Hole(
            "a child without row security", "CREATE TABLE $.child () INHERITS ($.items)", says: "$.child",
            hasRemedy: false),
        Hole(
            "a tenant that may be absent", "ALTER TABLE $.items DROP CONSTRAINT items_pkey",
            "ALTER TABLE $.items ALTER COLUMN tenant_id DROP NOT NULL", says: "tenant_id is missing", hasRemedy: false),
        Hole(
            "a right to empty the table", "GRANT TRUNCATE ON $.items TO tenancy_app",
            says: "may empty the table $.items"),
        Hole(
            "a right to refer to others' records, by everybody", "GRANT REFERENCES ON $.items TO PUBLIC",
            says: "may empty the table $.items"),
        Hole(
            "the owner", "ALTER TABLE $.items OWNER TO tenancy_app", says: "owns the table", hasRemedy: false),
    ]

    @Test("An opened table is refused, and what the proof names closes it", arguments: holes)
    func opened(_ hole: Hole) async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { bench in
            try bench.admin.execute("GRANT CREATE ON SCHEMA \(bench.schema) TO tenancy_app")
            let clean = try bench.problems()
            for sql in hole.sql { try bench.admin.execute(sql.replacing("$", with: bench.schema)) }
            let problems = try bench.problems()
            if hole.hasRemedy {
                for remedy in problems.map(\.remedy) { try bench.admin.execute(remedy) }
            }
            let error = failure {
                try IsolationProof(bench.library.plans, bench.catalogue(bench.app), isolation: bench.isolation).check()
            }
            return (clean, problems.map { $0.message.replacing(bench.schema, with: "$") }, error)
        }
        #expect(outcome.0 == [])
        #expect(outcome.1.contains { $0.contains(hole.says) }, "\(outcome.1)")
        #expect(
            hole.hasRemedy ? outcome.2 == nil : outcome.2?.code == .isolationUnproven,
            "\(String(describing: outcome.2))")
    }

    @Test("What opens nothing is let be")
    func harmless() async throws {
        let entity = makeItem()
        let problems = try await Bench.with([entity]) { bench in
            for sql in [
                "CREATE POLICY less ON $.items AS RESTRICTIVE USING (number < 10)",
                "CREATE VIEW $.v WITH (security_invoker = true) AS SELECT * FROM $.items",
                "GRANT SELECT ON $.v TO tenancy_app",
                "CREATE VIEW $.not_ours AS SELECT * FROM $.items",
                "CREATE FUNCTION $.f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM $.items'",
                "CREATE FUNCTION $.g() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM $.items_'",
                "CREATE FUNCTION $.h() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
                    + "AS 'SELECT count(*) FROM other.items'",
                "CREATE TABLE $.other (tenant_id text COLLATE \"C\", item bigint, FOREIGN KEY (tenant_id, item) "
                    + "REFERENCES $.items (tenant_id, id))",
                "CREATE TABLE $.child () INHERITS ($.items)", "ALTER TABLE $.child ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE $.child FORCE ROW LEVEL SECURITY",
                "CREATE INDEX by_number ON $.items (number)",
                "CREATE POLICY reports ON $.items TO pg_monitor USING (true)",
            ] {
                try bench.admin.execute("SET check_function_bodies = off")
                try bench.admin.execute(sql.replacing("$", with: bench.schema))
            }
            return try bench.problems()
        }
        #expect(problems == [])
    }

    @Test("A superuser, a role above policies, and a member of one or of the owner are refused")
    func roles() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { bench in
            let (login, power) = (uniqueName("tenancy_test_login"), uniqueName("tenancy_test_power"))
            let admin = bench.admin
            try admin.execute("CREATE ROLE \(login) LOGIN PASSWORD 'x'")
            try admin.execute("CREATE ROLE \(power)")
            defer {
                _ = try? admin.execute("REASSIGN OWNED BY \(power) TO tenancy_admin")
                _ = try? admin.execute("DROP ROLE \(login)")
                _ = try? admin.execute("DROP ROLE \(power)")
            }
            var configuration = try PostgresConfiguration(url: TestServer.application.address())
            configuration.user = login
            configuration.password = Secret("x")
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
            let connection = try TestConnection(parameters)
            func messages() throws -> [String] { try bench.problems(as: connection).map(\.message) }
            var seen = [try messages(), try bench.problems(as: admin).map(\.message)]
            try admin.execute("GRANT \(power) TO \(login)")
            seen.append(try messages())
            try admin.execute("ALTER ROLE \(power) BYPASSRLS")
            seen.append(try messages())
            try admin.execute("ALTER ROLE \(power) NOBYPASSRLS")
            try admin.execute("ALTER TABLE \(bench.schema).items OWNER TO \(power)")
            seen.append(try messages())
            try admin.execute("REVOKE \(power) FROM \(login)")
            seen.append(try messages())
            try admin.execute("ALTER ROLE \(login) BYPASSRLS")
            seen.append(try messages())
            return seen
        }
        #expect(outcome[0].isEmpty && outcome[2].isEmpty && outcome[5].isEmpty, "\(outcome)")
        #expect(outcome[1].contains("The role tenancy_admin is a superuser."))
        #expect(outcome[3].contains { $0.contains("is a member of tenancy_test_power") })
        #expect(outcome[4].contains { $0.contains("is a member of its owner") })
        #expect(outcome[6].contains { $0.contains("above policies") })
    }

    @Test("The proof's error names every problem, what to run, and no value")
    func error() throws {
        let catalogue = try JSONDecoder().decode(
            Catalogue.self,
            from: Data(
                """
                {"version": 150018, "currentRole": "app", "sessionRole": "app", "hasSchema": true,
                 "isSchemaGranted": true, "hasTenantLedSearch": true, "canInstallTenantLedSearch": true,
                 "hasRootCollation": true, "canSearchByIndex": false, "tables": [], "exposures": [],
                 "roles": [{"name": "app", "isSuperuser": false, "bypassesPolicies": true, "ofCurrent": true,
                            "ofSession": true}]}
                """.utf8))
        let plans = StatementLibrary([makeTag()], schema: "public", maximumStatements: 16).plans
        let error = failure { try IsolationProof(plans, catalogue, isolation: .tenantSetting).check() }
        #expect(error?.code == .isolationUnproven)
        #expect(error?.message.contains("The role app is above policies") == true)
        #expect(error?.message.contains("tags: The table is not there.") == true)
        #expect(error?.hint.contains("ALTER ROLE \"app\" NOSUPERUSER NOBYPASSRLS") == true)
    }
}
