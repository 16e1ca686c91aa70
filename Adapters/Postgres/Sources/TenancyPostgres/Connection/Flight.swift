/// An exchange that was sent.
struct Flight {
    let exchange: Exchange
    /// How many commands go before the statements that are prepared.
    let lead: Int
    /// The statements that are prepared before the other commands.
    let preparations: [Int]
    /// ``PreparedStatements/serial`` when it was sent.
    let serial: Int
    /// Whether it may share its transaction with others, so that it is over when its own results have come.
    let isShared: Bool
    /// The number of the synchronization point behind it: those with the same number share a transaction.
    let point: Int

    enum Owner {
        case preparation(Int)
        case command(Int)
    }

    /// How many results come.
    var resultCount: Int { exchange.commands.count + preparations.count }

    /// What the result at a position belongs to.
    func owner(of position: Int) -> Owner {
        if position < lead { return .command(position) }
        if position < lead + preparations.count { return .preparation(preparations[position - lead]) }
        return .command(min(position - preparations.count, exchange.commands.count - 1))
    }
}
