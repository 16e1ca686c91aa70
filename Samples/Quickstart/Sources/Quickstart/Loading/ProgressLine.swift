import Foundation

/// How far the load is: a bar that is drawn over itself on a terminal, a few plain lines elsewhere.
final class ProgressLine {
    private let isTerminal: Bool
    private var lastShown = -1

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// Shows progress if there is any to be seen.
    func update(_ fraction: Double, rows: Int, since start: ContinuousClock.Instant) {
        // Terminals are redrawn at each percent; a log gets a line at each quarter.
        let step = isTerminal ? Int(fraction * 100) : Int(fraction * 4) * 25
        guard step > lastShown, step < 100, isTerminal || step > 0 else { return }
        lastShown = step
        show(step, rows, start)
    }

    /// Shows that everything is loaded.
    func finish(rows: Int, since start: ContinuousClock.Instant) {
        show(100, rows, start)
        if isTerminal { print() }
    }

    private func show(_ percent: Int, _ rows: Int, _ start: ContinuousClock.Instant) {
        let rate = Double(rows) / max(start.duration(to: .now).seconds, 1e-9)
        let figures =
            "\(Text.right("\(percent)", 3)) %  \(Text.number(rows)) flights, \(Text.number(Int(rate))) a second"
        guard isTerminal else { return print("  \(figures)") }
        let width = 30
        let filled = percent * width / 100
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        print("\r  \(bar) \(figures)    ", terminator: "")
        fflush(nil)
    }
}
