import Foundation
import TenancyCore

/// What is cached under a key.
///
/// Names don't tell an entity's form, although processes with an older and a newer one may run side by side while an
/// application is replaced: what one writes must invalidate what the other has stored.
enum CacheName {
    /// The generation of an entity.
    case generation(String)
    /// A record of an entity, and its key as text.
    case record(String, Substring)

    /// Reads a key; `nil` if it is none of these.
    init?(_ key: CacheKey) {
        if key.text.hasPrefix("g:") {
            self = .generation(String(key.text.dropFirst(2)))
            return
        }
        guard key.text.hasPrefix("r:") else { return nil }
        let rest = key.text.dropFirst(2)
        // By bytes, because a combining character after the colon would make another character of it.
        guard let colon = rest.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        self = .record(String(rest[..<colon]), rest[rest.utf8.index(after: colon)...])
    }

    /// What the keys of an application's own values begin with, so that none of them is one of the SDK's.
    static let applicationPrefix = "a:"

    /// The key of an application's own value.
    static func application(_ key: String) -> CacheKey { CacheKey(applicationPrefix + key) }

    /// The application's own key; `nil` if it is one of the SDK's.
    static func applicationKey(_ key: CacheKey) -> String? {
        // By bytes, because a combining character after the colon would make another character of it.
        guard key.text.utf8.starts(with: applicationPrefix.utf8) else { return nil }
        return String(decoding: key.text.utf8.dropFirst(applicationPrefix.utf8.count), as: UTF8.self)
    }

    /// The key of an entity's generation.
    static func generation(of entity: EntityDescription) -> CacheKey { CacheKey("g:\(entity.name)") }

    /// The key of the generation of what queries of an entity returned, which every write of the entity makes void.
    static func resultGeneration(of entity: EntityDescription) -> CacheKey { CacheKey("l:\(entity.name)") }

    /// The key of what a query returned.
    static func result(_ entity: EntityDescription, digest: String) -> CacheKey {
        CacheKey("q:\(entity.name):\(digest)")
    }

    /// The key of a record.
    static func record(_ entity: EntityDescription, _ key: Value) -> CacheKey {
        switch key {
        case .int64(let value): CacheKey("r:\(entity.name):\(value)")
        case .uuid(let value): CacheKey("r:\(entity.name):\(value.uuidString)")
        case .string(let value): CacheKey("r:\(entity.name):\(value)")
        default: CacheKey("r:\(entity.name):")
        }
    }
}

extension Value {
    /// The key that ``CacheName/record(_:_:)`` made such text of; `nil` if it is of another type.
    init?(cacheText text: Substring, as type: FieldType) {
        switch type {
        case .int64:
            guard let value = Int64(text) else { return nil }
            self = .int64(value)
        case .uuid:
            guard let value = UUID(uuidString: String(text)) else { return nil }
            self = .uuid(value)
        case .string: self = .string(String(text))
        default: return nil
        }
    }
}
