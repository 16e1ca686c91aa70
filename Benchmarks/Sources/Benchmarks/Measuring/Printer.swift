import Foundation

/// Prints results as they come: a table for people, or an object a line.
struct Printer {
    let isJSON: Bool

    private static let columns: [(title: String, width: Int)] = [
        ("benchmark", -18), ("tasks", 5), ("executor", 8), ("ours", 12), ("floor", 12), ("ratio", 6), ("p50", 9),
        ("p99", 9),
        ("CPU", 9), ("memory", 9), ("", 0), ("compared with", -1),
    ]

    func begin() {
        if !isJSON { show(Self.columns.map(\.title)) }
    }

    func print(_ result: Measurement) {
        guard isJSON else { return show(cells(result)) }
        // Backslashes are in the names of psql's commands.
        let floor = result.floor.replacing("\\", with: "\\\\")
        var members = [("name", "\"\(result.name)\""), ("tasks", String(result.tasks))]
        if let executor = result.executor { members.append(("executor", "\"\(executor)\"")) }
        members += [
            ("ops_per_second", number(result.operationsPerSecond)), ("floor", "\"\(floor)\""),
            ("floor_ops_per_second", number(result.floorOperationsPerSecond)), ("ratio", number(result.ratio)),
            ("p50_microseconds", number(result.p50Microseconds)), ("p99_microseconds", number(result.p99Microseconds)),
            ("cpu_microseconds_per_op", number(result.cpuMicrosecondsPerOperation)),
            ("peak_rss_mib", number(result.peakMebibytes)),
        ]
        if let p99 = result.floorP99Microseconds { members.append(("floor_p99_microseconds", number(p99))) }
        if let above = result.mebibytesAboveIdle { members.append(("mib_above_idle", number(above))) }
        if let rate = result.hitRate { members.append(("hit_rate", number(rate))) }
        if let saved = result.statementsSaved { members.append(("statements_saved", number(saved))) }
        if let loads = result.loads { members.append(("loads", number(loads))) }
        emit("{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}")
    }

    private func cells(_ result: Measurement) -> [String] {
        [
            result.name, String(result.tasks), result.executor ?? "", rate(result.operationsPerSecond),
            rate(result.floorOperationsPerSecond),
            String(format: "%.3f", result.ratio), time(result.p50Microseconds), time(result.p99Microseconds),
            time(result.cpuMicrosecondsPerOperation), String(format: "%.0f MiB", result.peakMebibytes), "",
            result.floor + extras(result),
        ]
    }

    private func extras(_ result: Measurement) -> String {
        let extras = [
            result.hitRate.map { String(format: "%.2f %% hits", $0 * 100) },
            result.statementsSaved.map { String(format: "%.1f %% fewer statements", $0 * 100) },
            result.loads.map { String(format: "%.0f loads at most", $0) },
        ].compactMap(\.self)
        return extras.isEmpty ? "" : " (\(extras.joined(separator: ", ")))"
    }

    private func show(_ cells: [String]) {
        let padded = zip(cells, Self.columns).map { cell, column in
            let padding = String(repeating: " ", count: max(0, abs(column.width) - cell.count))
            return column.width < 0 ? cell + padding : padding + cell
        }
        emit(padded.joined(separator: " "))
    }

    private func emit(_ line: String) {
        Swift.print(line)
        fflush(nil)
    }

    private func rate(_ perSecond: Double) -> String { String(format: "%.0f/s", perSecond) }

    private func time(_ microseconds: Double) -> String {
        microseconds < 1 ? String(format: "%.0f ns", microseconds * 1_000) : String(format: "%.1f µs", microseconds)
    }

    private func number(_ value: Double) -> String {
        value.isFinite ? String((value * 10_000).rounded() / 10_000) : "null"
    }
}
