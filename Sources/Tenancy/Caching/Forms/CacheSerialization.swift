/// In which form records are cached. What is cached in another one is a miss, and replaced.
public struct CacheSerialization: Sendable, Hashable, CustomStringConvertible {
    /// The form's name, as it stands in a configuration file: `compact`, `json` or `messagePack`.
    public let name: String
    /// What tells the form's values from others', 1 to 15.
    let identifier: UInt8

    /// Cells without names, as the entity declares them: the smallest and by far the fastest.
    public static let compact = CacheSerialization(name: "compact", identifier: 1)
    /// A JSON object of the fields by name, for whoever wants to look into the cache.
    public static let json = CacheSerialization(name: "json", identifier: 2)
    /// A MessagePack map of the fields by name, for programs in other languages.
    public static let messagePack = CacheSerialization(name: "messagePack", identifier: 3)

    /// Every form.
    public static let all = [compact, json, messagePack]

    /// The same as ``name``.
    public var description: String { name }
}
