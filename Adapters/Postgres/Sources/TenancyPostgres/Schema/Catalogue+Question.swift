import TenancyCore

extension Catalogue {
    /// The statement that asks for everything at once, so that it is of one moment; its answer is one text.
    ///
    /// - Parameters:
    ///   - plans: The tables that are asked about.
    ///   - role: The role that statements run under, whose rights are asked about.
    static func question(_ plans: [TablePlan], schema: String, role: String) -> BoundStatement {
        var parameters = ParameterBuffer(capacity: 3)
        parameters.append(text: schema)
        parameters.append(array: plans.map { .string($0.entity.name) }, of: .string)
        parameters.append(text: role)
        return BoundStatement(statement: statement, parameters: parameters)
    }

    private static let statement = CompiledStatement(
        """
        WITH RECURSIVE family AS (
            SELECT c.oid, c.relname AS entity, false AS is_child
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relname = ANY ($2)
            UNION
            SELECT i.inhrelid, f.entity, true FROM family AS f JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.oid
        ), readers AS (
            SELECT f.oid, f.entity FROM family AS f
            UNION
            SELECT r.ev_class, v.entity FROM readers AS v
            JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid
                AND d.classid = 'pg_rewrite'::regclass
            JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> v.oid
        ), named AS (
            SELECT v.oid, v.entity, regexp_replace(n.nspname, '(\\W)', '\\\\\\1', 'g') AS schema_pattern,
                regexp_replace(c.relname, '(\\W)', '\\\\\\1', 'g') AS pattern
            FROM readers AS v JOIN pg_catalog.pg_class AS c ON c.oid = v.oid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        ), login AS (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $3)
        SELECT json_build_object(
            'version', current_setting('server_version_num')::int,
            'currentRole', current_user, 'sessionRole', session_user,
            'roles', (\(roles)),
            'hasSchema', EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),
            'isSchemaGranted', coalesce((
                SELECT has_schema_privilege(l.oid, n.oid, 'USAGE') FROM pg_catalog.pg_namespace AS n, login AS l
                WHERE n.nspname = $1), false),
            'hasTenantLedSearch', EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'btree_gin'),
            'canInstallTenantLedSearch',
                EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'btree_gin')
                AND has_database_privilege(current_user, current_database(), 'CREATE'),
            'hasRootCollation', EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu'),
            'canSearchByIndex', coalesce((
                SELECT bool_and(proleakproof) FROM pg_catalog.pg_proc
                WHERE oid = 'pg_catalog.ts_match_vq(tsvector, tsquery)'::regprocedure), false),
            'tables', coalesce((\(tables)), '[]'),
            'exposures', coalesce((\(exposures)), '[]')
        )::text
        """, types: [.text, .textArray, .text])

    private static let roles = """
        SELECT json_agg(json_build_object('name', r.rolname, 'isSuperuser', r.rolsuper,
            'bypassesPolicies', r.rolbypassrls, 'ofCurrent', pg_has_role(current_user, r.oid, 'MEMBER'),
            'ofSession', pg_has_role(session_user, r.oid, 'MEMBER')))
        FROM pg_catalog.pg_roles AS r
        WHERE pg_has_role(current_user, r.oid, 'MEMBER') OR pg_has_role(session_user, r.oid, 'MEMBER')
        """

    private static let tables = """
        SELECT json_agg(json_build_object(
            'entity', f.entity, 'name', format('%I.%I', n.nspname, c.relname), 'isChild', f.is_child,
            'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner),
            'isOwnedByCurrent', pg_has_role(current_user, c.relowner, 'MEMBER'),
            'isOwnedBySession', pg_has_role(session_user, c.relowner, 'MEMBER'),
            'hasRowSecurity', c.relrowsecurity, 'forcesRowSecurity', c.relforcerowsecurity,
            'isGranted', coalesce((
                SELECT has_table_privilege(l.oid, c.oid, 'SELECT') AND has_table_privilege(l.oid, c.oid, 'INSERT')
                    AND has_table_privilege(l.oid, c.oid, 'UPDATE') AND has_table_privilege(l.oid, c.oid, 'DELETE')
                FROM login AS l), false),
            'isOvergranted', coalesce((
                SELECT has_table_privilege(l.oid, c.oid, 'TRUNCATE, REFERENCES, TRIGGER') FROM login AS l), false),
            'columns', coalesce((\(columns)), '[]'), 'indexes', coalesce((\(indexes)), '[]'),
            'policies', coalesce((\(policies)), '[]'), 'foreignKeys', coalesce((\(foreignKeys)), '[]')
        ) ORDER BY f.entity, f.is_child, n.nspname, c.relname)
        FROM family AS f JOIN pg_catalog.pg_class AS c ON c.oid = f.oid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        """

    private static let columns = """
        SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
            'isNotNull', a.attnotnull, 'hasDefault', a.atthasdef, 'collation', o.collname) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_collation AS o ON o.oid = a.attcollation
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        """

    private static let indexes = """
        SELECT json_agg(json_build_object('name', i.relname, 'isUnique', x.indisunique OR x.indisexclusion,
            'isPrimary', x.indisprimary, 'isValid', x.indisvalid,
            'columns', (SELECT json_agg(a.attname ORDER BY k.position)
                FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, position)
                LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0
                WHERE k.position <= x.indnkeyatts)) ORDER BY i.relname)
        FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
        WHERE x.indrelid = c.oid
        """

    private static let policies = """
        SELECT json_agg(json_build_object('name', p.polname, 'isPermissive', p.polpermissive, 'command', p.polcmd,
            'roles', (SELECT json_agg(CASE WHEN m.role = 0 THEN 'public' ELSE pg_get_userbyid(m.role) END)
                FROM unnest(p.polroles) AS m(role)),
            'using', pg_get_expr(p.polqual, p.polrelid),
            'check', pg_get_expr(p.polwithcheck, p.polrelid)) ORDER BY p.polname)
        FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid
        """

    private static let foreignKeys = """
        SELECT json_agg(json_build_object('name', k.conname,
            'columns', (SELECT json_agg(a.attname ORDER BY u.position)
                FROM unnest(k.conkey) WITH ORDINALITY AS u(number, position)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number),
            'referencedColumns', (SELECT json_agg(a.attname ORDER BY u.position)
                FROM unnest(k.confkey) WITH ORDINALITY AS u(number, position)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number),
            'referencing', k.conrelid::regclass::text, 'referenced', k.confrelid::regclass::text) ORDER BY k.conname)
        FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid)
        """

    /// What a role can read by somebody else's rights, if that somebody stands above policies. The owner of a table
    /// with forced row security does not.
    private static let exposures = """
        SELECT json_agg(json_build_object('entity', e.entity, 'name', e.name, 'kind', e.kind, 'owner', e.owner)
            ORDER BY e.entity, e.name)
        FROM (
            SELECT DISTINCT v.entity, format('%I.%I', n.nspname, c.relname) AS name, o.rolname AS owner,
                CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind
            FROM readers AS v JOIN pg_catalog.pg_class AS c ON c.oid = v.oid AND c.relkind IN ('v', 'm')
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner AND (o.rolsuper OR o.rolbypassrls)
            WHERE (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
                    OR has_any_column_privilege(c.oid, 'SELECT'))
                AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
                    WHERE option_name = 'security_invoker' AND option_value::boolean)
            UNION
            SELECT DISTINCT f.entity, p.oid::regprocedure::text, o.rolname, 'function'
            FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner AND (o.rolsuper OR o.rolbypassrls)
            JOIN named AS r ON p.prosrc ~* ('(^|[^.\\w"]|\\m' || r.schema_pattern || '"?\\.)"?' || r.pattern || '\\M')
                OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_proc'::regclass
                    AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid)
            JOIN family AS f ON f.entity = r.entity
            WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                AND has_function_privilege(p.oid, 'EXECUTE')
        ) AS e
        """
}
