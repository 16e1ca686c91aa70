import Coherence
import Foundation

/// What was asked for.
struct Arguments {
    struct Problem: Error { let description: String }

    private(set) var options: CheckOptions
    private(set) var isJSON = false

    init(_ arguments: ArraySlice<String>, _ environment: [String: String] = ProcessInfo.processInfo.environment) throws
    {
        guard let database = environment["TENANCY_TEST_POSTGRES_URL"],
            let admin = environment["TENANCY_TEST_POSTGRES_ADMIN_URL"]
        else {
            throw Problem(description: "TENANCY_TEST_POSTGRES_URL and TENANCY_TEST_POSTGRES_ADMIN_URL are not set.")
        }
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        options = CheckOptions(database: database, databaseAdmin: admin, program: program)
        var rest = arguments
        while let argument = rest.popFirst() {
            switch argument {
            case "--json": isJSON = true
            case "--unfenced": options.isFenced = false
            case "--operations": options.operations = try Self.number(argument, &rest, 1...1_000_000_000)
            case "--processes": options.processes = try Self.number(argument, &rest, 3...64)
            default: throw Problem(description: "There is no option '\(argument)'.")
            }
        }
    }

    private static func number(
        _ option: String, _ rest: inout ArraySlice<String>, _ range: ClosedRange<Int>
    ) throws -> Int {
        guard let text = rest.popFirst(), let number = Int(text), range.contains(number) else {
            throw Problem(description: "'\(option)' needs a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}
