import Foundation
import Testing

/// Every Swift block of the repository's pages stands in a file of this target, which is compiled; what needs no server
/// is run.
@Suite struct DocumentedCodeTests {
    static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test("Each block of code in the documentation is compiled", arguments: pagesWithCode)
    func blocksAreCompiled(page: String) throws {
        let compiled = try Self.compiledLines()
        let blocks = try Self.paragraphs(of: page)
        #expect(!blocks.isEmpty)
        for block in blocks {
            let isCompiled = Self.contains(block, in: compiled)
            #expect(isCompiled, "\(page) has code that is not compiled: \(block[0])")
        }
    }

    /// The pages that have Swift blocks, wherever they lie beside the packages' sources.
    private static let pagesWithCode: [String] = {
        let files = FileManager.default
        let top = (try? files.contentsOfDirectory(atPath: repository.path)) ?? []
        let below = (try? files.subpathsOfDirectory(atPath: repository.appending(path: "docs").path)) ?? []
        let pages = top + below.map { "docs/" + $0 }
        return pages.filter { page in
            guard page.hasSuffix(".md") else { return false }
            let text = try? String(contentsOf: repository.appending(path: page), encoding: .utf8)
            return text?.contains("```swift") == true
        }.sorted()
    }()

    @Test("The pages are found")
    func pagesAreFound() {
        let known = ["README.md", "docs/guide.md", "docs/postgres.md", "docs/redis.md"]
        #expect(Set(known).isSubset(of: Self.pagesWithCode))
    }

    @Test("A block that nothing compiles is noticed")
    func foreignBlockIsNoticed() throws {
        let isCompiled = Self.contains(["let absent = nowhere()"], in: try Self.compiledLines())
        #expect(!isCompiled)
    }

    /// The parts of a page's Swift blocks between blank lines, without what a manifest or another file would hold.
    private static func paragraphs(of page: String) throws -> [[String]] {
        let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
        let blocks = text.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }
        return blocks.filter { !$0.hasPrefix(".package(") }
            .flatMap { $0.components(separatedBy: "\n\n") }
            .map(normalized)
            .filter { !$0.isEmpty }
    }

    private static func compiledLines() throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.lastPathComponent.hasSuffix("Example.swift") }
            .flatMap { normalized(try String(contentsOf: $0, encoding: .utf8)) }
    }

    private static func normalized(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("import ") }
    }

    private static func contains(_ block: [String], in lines: [String]) -> Bool {
        guard block.count <= lines.count else { return false }
        return (0...lines.count - block.count).contains { lines[$0..<$0 + block.count].elementsEqual(block) }
    }
}
