internal import GRDBSQLite
import TenancyCore

extension PreparedStatement {
    /// Binds every parameter from its source.
    func bind(_ arguments: Arguments) {
        for (position, source) in text.sources.enumerated() {
            let index = Int32(position + 1)
            switch source {
            case .tenant: bind(arguments.tenant.rawValue, at: index)
            case .value(let number):
                if case .value(let value) = arguments.parameters[number] { bind(value, at: index) }
            case .lowered(let number):
                if case .value(.string(let text)) = arguments.parameters[number] { bind(text.lowercased(), at: index) }
            case .endOfPrefix(let number): bindEnd(ofPrefix: arguments.parameters[number], at: index)
            case .element(let number, let element):
                if case .list(let values) = arguments.parameters[number] {
                    bind(values[min(element, values.count - 1)], at: index)
                }
            case .list(let number):
                if case .list(let values) = arguments.parameters[number] {
                    ListTable.bind(values, to: pointer, at: index)
                    note(sqlite3_errcode(sqlite3_db_handle(pointer)))
                }
            case .limit: bind(Int64(arguments.limit ?? -1), at: index)
            case .match: bind(arguments.match ?? "", at: index)
            case .words: bind(arguments.words ?? "", at: index)
            case .assignment(let number): bind(arguments.assignments[number], at: index)
            }
        }
    }

    private func bindEnd(ofPrefix parameter: Parameter, at index: Int32) {
        guard case .value(.string(let prefix)) = parameter else { return }
        if let end = TextRange.end(of: prefix) { return bind(end, at: index) }
        // Every text is less than a blob.
        bind(UnsafeRawBufferPointer(start: nil, count: 0), at: index)
    }
}
