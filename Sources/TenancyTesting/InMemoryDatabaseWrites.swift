import TenancyCore

extension InMemoryDatabaseState {
    /// Carries a statement out; one that throws has changed nothing.
    mutating func write(
        _ statement: WriteStatement, for tenant: TenantID, _ defects: InMemoryDatabase.Defect
    ) throws(TenancyError) -> WriteResult {
        try requireRegistered(statement.entity)
        var change = Change(state: self, tenant: tenant, entity: statement.entity, defects: defects)
        // The state is moved into the change and back, so that tables are changed in place and not copied.
        self = InMemoryDatabaseState()
        defer { self = change.state }
        do throws(TenancyError) {
            return try change.run(statement)
        } catch {
            if !defects.contains(.keepsFailedWrites) { change.undo() }
            throw error.with {
                $0.tenant = tenant
                $0.entity = statement.entity.name
            }
        }
    }

    /// A statement under way, with what it takes to undo it.
    private struct Change {
        var state: InMemoryDatabaseState
        let tenant: TenantID
        let entity: EntityDescription
        let defects: InMemoryDatabase.Defect
        private var undoLog: [(tenant: TenantID, key: Value, row: Row?)] = []

        init(
            state: InMemoryDatabaseState, tenant: TenantID, entity: EntityDescription, defects: InMemoryDatabase.Defect
        ) {
            self.state = state
            self.tenant = tenant
            self.entity = entity
            self.defects = defects
        }

        mutating func undo() {
            for (tenant, key, row) in undoLog.reversed() { put(key, row, of: tenant) }
            undoLog = []
        }

        mutating func run(_ statement: WriteStatement) throws(TenancyError) -> WriteResult {
            var result = WriteResult(affected: 0)
            let isAtomic = statement.isAtomic
            switch statement.operation {
            case .insert(let batch):
                try each(batch.count, isAtomic, &result) { change, row throws(TenancyError) in
                    try change.insert(try change.row(batch, row))
                    return 1
                }
            case .upsert(let batch):
                var versions: [Int64] = []
                try each(batch.count, isAtomic, &result) { change, row throws(TenancyError) in
                    versions.append(0)
                    versions[row] = try change.upsert(try change.row(batch, row))
                    return 1
                }
                if entity.versionColumn != nil { result.versions = versions }
            case .update(let batch):
                try each(batch.count, isAtomic, &result) { change, row throws(TenancyError) in
                    try change.update(try change.row(batch, row))
                    return 1
                }
            case .delete(let keys, let versions):
                try each(keys.count, isAtomic, &result) { change, row throws(TenancyError) in
                    try change.delete(keys[row], version: versions?[row])
                }
            case .updateMatching(let filter, let parameters, let changes):
                result.affected = try updateMatching(filter, parameters, changes)
            case .deleteMatching(let filter, let parameters):
                for tenant in scope(.ignoresTenantOnDeleteMatching) {
                    for row in state.rows(entity, filter, parameters, [tenant], defects) {
                        put(row[entity.keyColumn], nil, of: tenant)
                        result.affected += 1
                    }
                }
            }
            return result
        }

        private mutating func each(
            _ count: Int, _ isAtomic: Bool, _ result: inout WriteResult,
            _ body: (inout Change, Int) throws(TenancyError) -> Int
        ) throws(TenancyError) {
            for row in 0..<count {
                do throws(TenancyError) {
                    result.affected += try body(&self, row)
                } catch {
                    let entity = entity.name
                    let tenant = tenant
                    let failure = error.with {
                        $0.row = row
                        $0.entity = entity
                        $0.tenant = tenant
                    }
                    if isAtomic { throw failure }
                    result.failures.append(RowFailure(row: row, error: failure))
                }
            }
        }

        // MARK: Single records

        private mutating func insert(_ row: Row) throws(TenancyError) {
            let key = row[entity.keyColumn]
            for tenant in scope(.uniqueAcrossTenants) where state.table(tenant, entity).rows[key] != nil {
                throw TenancyError(
                    .uniqueViolation, "A record of that key exists.",
                    details: .init(field: entity.key.name, constraint: "\(entity.name)_key"))
            }
            try checkUnique(row)
            put(key, row, of: tenant)
        }

        private mutating func upsert(_ row: Row) throws(TenancyError) -> Int64 {
            let key = row[entity.keyColumn]
            let owner = owner(of: key, .ignoresTenantOnUpsert)
            var row = row
            var version: Int64 = 1
            if let column = entity.versionColumn {
                if let owner, case .int64(let stored) = state.table(owner, entity).rows[key]?[column] {
                    version = try next(stored)
                }
                row[column] = .int64(version)
            }
            try checkUnique(row)
            put(key, row, of: owner ?? tenant)
            return version
        }

        private mutating func update(_ row: Row) throws(TenancyError) {
            let key = row[entity.keyColumn]
            guard let owner = owner(of: key, .ignoresTenantOnUpdate),
                let stored = state.table(owner, entity).rows[key]
            else {
                throw TenancyError(.notFound, "No record has the key of a row to update.")
            }
            if let column = entity.versionColumn, !defects.contains(.ignoresVersions) {
                guard case .int64(let new) = row[column], case .int64(let old) = stored[column], old == new &- 1 else {
                    throw Self.stale
                }
            }
            try checkUnique(row)
            put(key, row, of: owner)
        }

        private mutating func delete(_ key: Value, version: Int64?) throws(TenancyError) -> Int {
            var removed = 0
            for tenant in scope(.ignoresTenantOnDelete) {
                guard let stored = state.table(tenant, entity).rows[key] else { continue }
                if let version, let column = entity.versionColumn, stored[column] != .int64(version),
                    !defects.contains(.ignoresVersions)
                {
                    throw Self.stale
                }
                put(key, nil, of: tenant)
                removed += 1
            }
            return removed
        }

        // MARK: By filter

        /// Takes all old rows away before it checks the new ones, so that it does not matter in which order they
        /// change.
        private mutating func updateMatching(
            _ filter: FilterShape, _ parameters: [Parameter],
            _ changes: [(column: Int, operation: Assignment.Operation)]
        ) throws(TenancyError) -> Int {
            var affected = 0
            for tenant in scope(.ignoresTenantOnUpdateMatching) {
                let old = state.rows(entity, filter, parameters, [tenant], defects)
                var new: [Row] = []
                for row in old { new.append(try changed(row, changes)) }
                for row in old { put(row[entity.keyColumn], nil, of: tenant) }
                for row in new {
                    try checkUnique(row, of: tenant)
                    put(row[entity.keyColumn], row, of: tenant)
                }
                affected += new.count
            }
            return affected
        }

        private func changed(
            _ row: Row, _ changes: [(column: Int, operation: Assignment.Operation)]
        ) throws(TenancyError) -> Row {
            var row = row
            for (column, operation) in changes {
                switch operation {
                case .set(let value): row[column] = value
                case .add(let amount): row[column] = try sum(row[column], amount, entity.fields[column])
                }
            }
            if let column = entity.versionColumn, case .int64(let version) = row[column] {
                row[column] = .int64(try next(version))
            }
            return row
        }

        private func sum(_ value: Value, _ amount: Value, _ field: FieldDescription) throws(TenancyError) -> Value {
            switch (value, amount) {
            case (.null, _): return .null
            case (.int64(let value), .int64(let amount)):
                let (sum, overflows) = value.addingReportingOverflow(amount)
                if !overflows { return .int64(sum) }
            case (.double(let value), .double(let amount)):
                // Adding zero makes minus zero zero.
                if (value + amount).isFinite { return .double(value + amount + 0) }
            case (.decimal(let value), .decimal(let amount)):
                let sum = value + amount
                if sum.fits(precision: field.options.precision, scale: field.options.scale) { return .decimal(sum) }
            default: break
            }
            throw TenancyError(
                .invalidValue, "A sum is more than its field can hold.", details: .init(field: field.name))
        }

        // MARK: Rows and rules

        private func row(_ batch: ColumnBatch, _ position: Int) throws(TenancyError) -> Row {
            let view = RowView(batch, row: position)
            var row: Row = []
            row.reserveCapacity(entity.fields.count)
            for (column, field) in entity.fields.enumerated() { row.append(try view.value(column, as: field.type)) }
            return row
        }

        private func checkUnique(_ row: Row, of owner: TenantID? = nil) throws(TenancyError) {
            if defects.contains(.ignoresUnique) { return }
            let tenants = defects.contains(.uniqueAcrossTenants) ? scope(.uniqueAcrossTenants) : [owner ?? tenant]
            for tenant in tenants {
                guard let index = state.table(tenant, entity).conflict(row[entity.keyColumn], row, of: entity) else {
                    continue
                }
                let names = index.columns.map { entity.fields[$0].name }
                throw TenancyError(
                    .uniqueViolation, "Another record has a value that must be unique.",
                    details: .init(
                        field: names.count == 1 ? names[0] : nil,
                        constraint: "\(entity.name)_\(names.joined(separator: "_"))"))
            }
        }

        private mutating func put(_ key: Value, _ row: Row?, of tenant: TenantID) {
            let old = state.tables[tenant, default: [:]][entity.name, default: Table()]
                .replace(key, by: row, of: entity)
            undoLog.append((tenant, key, old))
        }

        private func next(_ version: Int64) throws(TenancyError) -> Int64 {
            guard version < Int64.max else { throw TenancyError(.invalidValue, "A version can't be counted on.") }
            return version + 1
        }

        private func scope(_ defect: InMemoryDatabase.Defect) -> [TenantID] {
            state.scope(tenant, everyone: defects.contains(defect))
        }

        private func owner(of key: Value, _ defect: InMemoryDatabase.Defect) -> TenantID? {
            scope(defect).first { state.table($0, entity).rows[key] != nil }
        }

        private static var stale: TenancyError {
            TenancyError(.staleVersion, "The record's stored version is another.")
        }
    }
}
