package import Foundation

/// What is to be checked, and with what.
package struct CheckOptions: Sendable {
    /// How many reads and acknowledged writes there are to be, at least.
    package var operations = 200_000
    /// How many processes work at a time; at least 3.
    package var processes = 3
    /// Whether the cache keeps its fences. Without them the check has to find something.
    package var isFenced = true
    /// How long after a disturbance the next one follows.
    package var pause = Duration.seconds(1)
    /// PostgreSQL, for the role that statements run under, and for the one that makes the tables.
    package var database: String
    package var databaseAdmin: String
    /// The program whose processes run ``Worker/main()`` when their only argument is `worker`.
    package var program: URL

    package init(database: String, databaseAdmin: String, program: URL) {
        self.database = database
        self.databaseAdmin = databaseAdmin
        self.program = program
    }
}
