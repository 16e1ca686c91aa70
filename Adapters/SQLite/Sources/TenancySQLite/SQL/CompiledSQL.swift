import TenancyCore

/// A statement's text and what is bound to each of its parameters, in order.
struct CompiledSQL {
    /// Where the value of a parameter comes from.
    enum Source: Hashable {
        /// The call's tenant.
        case tenant
        /// A value of the statement.
        case value(Int)
        /// The least text that is greater than every text which begins with a value of the statement.
        case endOfPrefix(Int)
        /// A value of the statement in lower case.
        case lowered(Int)
        /// A list's element; its last one, if it has fewer.
        case element(Int, Int)
        /// A whole list.
        case list(Int)
        /// The most rows wanted.
        case limit
        /// A search in the language of the full-text index.
        case match
        /// The words of a search, with a space between each two.
        case words
        /// The amount or value of an assignment.
        case assignment(Int)
    }

    var text: String
    var sources: [Source]
}

/// An assignment without its value.
struct ChangeShape: Hashable {
    enum Kind: Hashable { case set, add }
    var column: Int
    var kind: Kind
}

/// The values of one run of a statement.
struct Arguments {
    var tenant: TenantID
    var parameters: [Parameter] = []
    var limit: Int?
    var match: String?
    var words: String?
    var assignments: [Value] = []
}
