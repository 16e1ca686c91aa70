import TenancyCore
import Testing

@Suite("A histogram of latencies")
struct LatencyHistogramTests {
    @Test("A quantile is an eighth too long at most, and never too short")
    func quantiles() {
        for microseconds in [
            0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 100, 999, 1_000, 4_095, 4_096, 65_537, 1_000_000, 59_000_000,
        ] {
            var histogram = LatencyHistogram()
            let duration = Duration.microseconds(microseconds)
            histogram.record(duration)
            let found = histogram.quantile(0.5)
            #expect(found > duration, "\(microseconds)")
            #expect(found <= max(.microseconds(microseconds + 1), duration * 1.126), "\(microseconds): \(found)")
            #expect(histogram.quantile(0) == found && histogram.quantile(1) == found)
        }
    }

    @Test("Counts, sums and buckets are those of everything that was recorded, also when histograms are added")
    func sums() {
        var (one, two, all) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        #expect(all.quantile(0.99) == .zero && all.buckets.isEmpty && all.count == 0)
        for number in 1...1_000 {
            let duration = Duration.microseconds(number * number)
            if number % 3 == 0 { one.record(duration) } else { two.record(duration) }
            all.record(duration)
        }
        var sum = LatencyHistogram()
        sum.add(one)
        sum.add(two)
        #expect(sum == all)
        #expect(sum.count == 1_000 && sum.buckets.reduce(0) { $0 + $1.count } == 1_000)
        #expect(sum.total == .microseconds(333_833_500))
        #expect(sum.buckets.map(\.bound) == sum.buckets.map(\.bound).sorted())
        let (median, late) = (sum.quantile(0.5), sum.quantile(0.99))
        #expect(median >= .microseconds(500 * 500) && median <= .microseconds(500 * 500) * 1.13)
        #expect(late >= .microseconds(990 * 990) && late <= .microseconds(990 * 990) * 1.13)
    }

    @Test("Durations that are negative, or longer than anything, are counted at the ends")
    func ends() {
        var histogram = LatencyHistogram()
        for duration in [Duration.seconds(-5), .seconds(3_600), .nanoseconds(1), .seconds(1 << 40)] {
            histogram.record(duration)
        }
        #expect(histogram.count == 4)
        #expect(histogram.quantile(0.5) == .microseconds(1))
        #expect(histogram.quantile(1) >= .seconds(60))
    }
}
