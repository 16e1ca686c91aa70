import TenancyCore

extension WriteWork {
    /// What one step did.
    struct StepResult: Sendable {
        /// How many records were added, changed or removed.
        var affected: Int
        /// The rows that could not be written, in order, numbered as in the whole write.
        var failures: [RowFailure] = []
        /// The version stored for each of the step's rows, if the write returns versions.
        var versions: [Int64] = []
    }

    /// Reads a step's result.
    ///
    /// - Parameters:
    ///   - rows: The rows that the server returned; `nil` if the statement returns none.
    ///   - count: The command's own count.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if the result is not of the step's form.
    func result(of step: Step, rows: (any RowBatch)?, count: Int) throws(TenancyError) -> StepResult {
        switch step.outcome {
        case .count: return StepResult(affected: count)
        case .versions:
            guard let rows, rows.count == step.rows.count else { throw Self.unexpected }
            return StepResult(affected: rows.count, versions: try versions(step, rows))
        case .verdict(let absenceFails):
            guard let rows else { throw Self.unexpected }
            var result = StepResult(affected: 0)
            for row in 0..<rows.count {
                let number = Int(try rows.int64(row, 0))
                let value = try rows.int64(row, 1)
                if number == 0 {
                    result.affected += Int(value)
                } else if value == 1 || absenceFails {
                    guard (1...step.rows.count).contains(number) else { throw Self.unexpected }
                    result.failures.append(
                        RowFailure(row: step.rows.lowerBound + number - 1, error: value == 1 ? stale : absent))
                }
            }
            return result
        }
    }

    /// Versions by the order of the step's rows. The server returns them in that order, but does not promise it, so
    /// the keys beside them are looked at.
    private func versions(_ step: Step, _ rows: any RowBatch) throws(TenancyError) -> [Int64] {
        var versions: [Int64] = []
        versions.reserveCapacity(rows.count)
        for row in 0..<rows.count { versions.append(try rows.int64(row, 0)) }
        guard rows.count > 1, case .upsert(let batch) = statement.operation else { return versions }
        let (key, type) = (plan.entity.keyColumn, plan.entity.key.type)
        var isInOrder = true
        var keys: [Value] = []
        for row in 0..<rows.count {
            keys.append(try RowView(rows, row: row).value(1, as: type))
            if isInOrder {
                isInOrder = try RowView(batch, row: step.rows.lowerBound + row).value(key, as: type) == keys[row]
            }
        }
        if isInOrder { return versions }
        let byKey = Dictionary(zip(keys, versions), uniquingKeysWith: { _, last in last })
        for (index, row) in step.rows.enumerated() {
            guard let version = byKey[try RowView(batch, row: row).value(key, as: type)] else { throw Self.unexpected }
            versions[index] = version
        }
        return versions
    }

    private var stale: TenancyError {
        TenancyError(
            .staleVersion, "The record was changed since it was read.",
            details: .init(tenant: tenant, entity: plan.entity.name))
    }

    private var absent: TenancyError {
        TenancyError(
            .notFound, "No record has the key of a row to update.",
            details: .init(tenant: tenant, entity: plan.entity.name))
    }

    private static var unexpected: TenancyError {
        TenancyError(.corrupted, "The server returned another form of result than the statement has.")
    }
}
