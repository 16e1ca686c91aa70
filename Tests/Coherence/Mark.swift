import Tenancy

/// The record that everybody reads and writes. Its version only ever grows.
struct Mark: Entity {
    var id: String
    /// The tenant that wrote it.
    var owner: String
    var note: Int
    var version: Int64

    static let schema = EntitySchema(
        "marks", Mark.init, .key("id", \.id), .field("owner", \.owner), .field("note", \.note),
        .version("version", \.version))
}
