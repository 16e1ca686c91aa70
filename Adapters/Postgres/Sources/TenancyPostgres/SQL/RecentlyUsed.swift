/// A bounded dictionary that forgets what was not asked for lately.
///
/// It has two generations. What is asked for moves to the young one; when that is half of the bound, it becomes the old
/// one, and what nobody asked for meanwhile is gone. So it costs nothing to keep what is used.
struct RecentlyUsed<Key: Hashable & Sendable, Element: Sendable>: Sendable {
    private var young: [Key: Element] = [:]
    private var old: [Key: Element] = [:]
    private let half: Int

    init(maximumCount: Int) { half = max(1, maximumCount / 2) }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Element? {
        mutating get {
            var forgotten: [Element] = []
            return find(key, forgotten: &forgotten)
        }
    }

    /// An element. What is forgotten because it is among the young ones now is added to a list.
    mutating func find(_ key: Key, forgotten: inout [Element]) -> Element? {
        if let element = young[key] { return element }
        guard let element = old.removeValue(forKey: key) else { return nil }
        forgotten += insert(element, for: key)
        return element
    }

    /// An element, without asking for it.
    func peek(_ key: Key) -> Element? { young[key] ?? old[key] }

    /// Removes an element.
    mutating func remove(_ key: Key) -> Element? { young.removeValue(forKey: key) ?? old.removeValue(forKey: key) }

    /// Adds an element; returns what was forgotten for it.
    @discardableResult
    mutating func insert(_ element: Element, for key: Key) -> [Element] {
        young[key] = element
        old[key] = nil
        guard young.count >= half else { return [] }
        defer { (young, old) = ([:], young) }
        return Array(old.values)
    }
}
