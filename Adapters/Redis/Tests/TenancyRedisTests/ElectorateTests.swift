import TenancyCore
import Testing

@testable import TenancyRedis

@Suite("Who is master, by majority")
struct ElectorateTests {
    private static let slots = 4
    private let start = ContinuousClock.now

    private static func tenure(_ name: String, _ number: UInt64 = 1) -> Tenure {
        Tenure(node: name, endpoint: RedisEndpoint(host: name, port: 1), number: number)
    }

    private static func view(
        _ witness: String, _ tenures: [Tenure], _ owners: [UInt16] = [0, 0, 1, 1], of count: Int = 5
    ) -> MasterView {
        MasterView(witness: witness, tenures: tenures, owners: owners, witnessCount: count)
    }

    private let before = [tenure("m"), tenure("n")]

    private func electorate() -> Electorate { Electorate(slots: Self.slots, now: start) }

    /// Has witnesses say the same, all at one time.
    private func say(
        _ electorate: inout Electorate, _ tenures: [Tenure], _ owners: [UInt16] = [0, 0, 1, 1],
        by witnesses: [String] = ["a", "b", "c"], at time: Duration
    ) {
        for witness in witnesses {
            _ = electorate.record(Self.view(witness, tenures, owners), asked: start + time, now: start + time)
        }
    }

    private func owner(_ electorate: Electorate, _ slot: Int, at time: Duration) -> Tenure? {
        guard start + time < electorate.deadline else { return nil }
        return electorate.map.owner(of: slot, at: start + time).map { electorate.map.tenures[$0] }
    }

    @Test("Half of all witnesses, dead ones included, is no majority, and one more is")
    func majority() {
        var electorate = electorate()
        say(&electorate, before, by: ["a", "b"], at: .zero)
        #expect(owner(electorate, 0, at: .zero) == nil)
        say(&electorate, before, by: ["c"], at: .zero)
        #expect(owner(electorate, 0, at: .zero) == before[0])
        #expect(owner(electorate, 3, at: .zero) == before[1])
    }

    @Test("One witness counts once, however often it speaks, and an old answer counts no more")
    func once() {
        var electorate = electorate()
        for time in 0..<3 { say(&electorate, before, by: ["a", "a"], at: .seconds(time)) }
        say(&electorate, before, by: ["b"], at: .seconds(3))
        say(&electorate, before, by: ["c"], at: .seconds(6))
        #expect(electorate.map.tenures.isEmpty)
        say(&electorate, before, by: ["a", "b"], at: .seconds(6))
        #expect(owner(electorate, 0, at: .seconds(6)) == before[0])
    }

    @Test("What nobody confirms is gone by for as long as knowledge lasts, counted from when it was asked for")
    func lapse() {
        var electorate = electorate()
        say(&electorate, before, at: .zero)
        #expect(owner(electorate, 0, at: KnowledgeTime.limit - .milliseconds(1)) != nil)
        #expect(owner(electorate, 0, at: KnowledgeTime.limit) == nil)
        // A late answer to an early question knows what was so early.
        _ = electorate.record(
            Self.view("a", before), asked: start + .seconds(1), now: start + .seconds(3))
        #expect(electorate.deadline < start + KnowledgeTime.limit + .seconds(1))
        let generation = electorate.map.generation
        say(&electorate, before, at: .seconds(20))
        // Known anew: whoever used the map before has to connect anew too.
        #expect(electorate.map.generation == generation + 1)
        #expect(owner(electorate, 0, at: .seconds(20)) == before[0])
    }

    @Test("A dead witness does not hold the others up")
    func dead() {
        var electorate = electorate()
        say(&electorate, before, by: ["a", "b", "c", "d"], at: .zero)
        for time in 1...20 { say(&electorate, before, by: ["a", "b", "c"], at: .seconds(time)) }
        #expect(owner(electorate, 0, at: .seconds(21)) == before[0])
    }

    @Test("While witnesses disagree the last majority's word counts until its time is over")
    func disagreement() {
        var electorate = electorate()
        say(&electorate, before, by: ["a", "b", "c", "d", "e"], at: .zero)
        let after = [Self.tenure("r", 2), before[1]]
        for time in 1...9 {
            say(&electorate, after, by: ["a", "b"], at: .seconds(time))
            say(&electorate, before, by: ["c", "d"], at: .seconds(time))
            let expected = time < 4 ? before[0] : nil
            #expect(owner(electorate, 0, at: .seconds(time) + .milliseconds(1)) == expected, "\(time)")
            // What they agree on stays.
            #expect(owner(electorate, 3, at: .seconds(time) + .milliseconds(1)) == before[1])
        }
        say(&electorate, after, by: ["a", "b", "c"], at: .seconds(10))
        #expect(owner(electorate, 0, at: .seconds(10)) == after[0])
    }

    @Test("A slot that comes to a master who had others is not used before everybody has stopped to use the former one")
    func move() {
        var electorate = electorate()
        say(&electorate, before, at: .zero)
        say(&electorate, before, [0, 1, 1, 1], at: .seconds(1))
        #expect(owner(electorate, 0, at: .seconds(1)) == before[0])
        #expect(owner(electorate, 1, at: .seconds(1)) == nil)
        for time in 2..<8 { say(&electorate, before, [0, 1, 1, 1], at: .seconds(time)) }
        #expect(owner(electorate, 1, at: .seconds(1) + KnowledgeTime.settling - .milliseconds(1)) == nil)
        #expect(owner(electorate, 1, at: .seconds(1) + KnowledgeTime.settling) == before[1])
        #expect(KnowledgeTime.settling > KnowledgeTime.limit)
    }

    @Test("A slot that goes and comes back has to wait too")
    func pingPong() {
        var electorate = electorate()
        say(&electorate, before, at: .zero)
        say(&electorate, before, [1, 0, 1, 1], at: .milliseconds(100))
        say(&electorate, before, at: .milliseconds(200))
        #expect(owner(electorate, 0, at: .milliseconds(300)) == nil)
        #expect(owner(electorate, 1, at: .milliseconds(300)) == before[0])
    }

    /// A client as far as time matters: its electorate, and from when on each master's session may be used, which it
    /// learns from the record that the first client to see the master has left there.
    private struct Client {
        var electorate: Electorate
        var sessions: [Tenure: Duration] = [:]
        private var generation = 0

        init(electorate: Electorate) { self.electorate = electorate }

        mutating func follow(_ records: inout [Tenure: (digest: UInt64, since: Duration)], at now: Duration) {
            let map = electorate.map
            sessions = sessions.filter { map.generation == generation && map.tenures.contains($0.key) }
            generation = map.generation
            for tenure in map.tenures where sessions[tenure] == nil {
                if records[tenure]?.digest != map.digest(of: tenure) { records[tenure] = (map.digest(of: tenure), now) }
                sessions[tenure] = (records[tenure]?.since ?? now) + KnowledgeTime.settling
            }
        }
    }

    @Test("Two clients never go by different masters at one time, whatever order the witnesses turn in")
    func exclusion() {
        var (beginnings, waits) = (0, 0)
        for _ in 0..<1_500 {
            let turns = (0..<5).map { _ in Duration.milliseconds(Int.random(in: 9_000..<15_000)) }
            // Slot 0 moves to a master that stays, and slot 3 to a new one.
            let after = [before[0], before[1], Self.tenure("r", 2)]
            var clients = [Client(electorate: electorate()), Client(electorate: electorate())]
            var records: [Tenure: (digest: UInt64, since: Duration)] = [:]
            var (former, newer): ([Int: Int], [Int: Int]) = ([:], [:])
            for step in 0..<300 {
                let now = Duration.milliseconds(step * 100)
                for client in clients.indices {
                    let witness = Int.random(in: 0..<5)
                    // Each client loses its way to some witnesses for some time, and at times to most.
                    if (step / 40 + witness + client) % (step / 60 == 2 ? 2 : 5) == 0 { continue }
                    let asked = max(.zero, now - .milliseconds(Int.random(in: 0..<300)))
                    let hasTurned = asked > turns[witness]
                    _ = clients[client].electorate.record(
                        Self.view(
                            "\(witness)", hasTurned ? after : before, hasTurned ? [1, 0, 1, 2] : [0, 0, 1, 1]),
                        asked: start + asked, now: start + now)
                    clients[client].follow(&records, at: now)
                }
                for client in clients {
                    for slot in [0, 3] {
                        guard let owner = owner(client.electorate, slot, at: now),
                            let from = client.sessions[owner], from <= now
                        else {
                            waits += 1
                            continue
                        }
                        let isFormer = owner == before[slot == 0 ? 0 : 1]
                        if isFormer { former[slot] = step } else { newer[slot] = newer[slot] ?? step }
                    }
                }
            }
            for slot in [0, 3] {
                guard let last = former[slot], let first = newer[slot] else { continue }
                beginnings += 1
                #expect(last < first, "slot \(slot), \(turns)")
            }
        }
        // The test has something to say only if both are used, and not always.
        #expect(beginnings > 2_500 && waits > 0)
    }

    @Test("What a node of a cluster says is read, whatever else stands there")
    func nodes() throws {
        let text = """
            07c37df 127.0.0.1:30004@31004,host4 slave e7d1eecc 0 1426238317239 4 connected
            67ed2db :30002@31002 myself,master - 0 1426238316232 2 connected 5461-10922 [93->-292f8b] [77-<-e7d1eecc]
            292f8b3 127.0.0.1:30003@31003,,tls-port=1,shard-id=ab master - 0 1426238318243 3 connected 10923-16383
            6ec2392 127.0.0.1:30005@31005 slave,fail 67ed2db 0 1426238316232 5 connected
            824fe11 :0@0 master,noaddr - 0 1426238317741 6 disconnected
            e7d1eec [::1]:30001@31001,host1 master,fail? - 0 0 1 connected 0-5460
            """
        let view = try MasterView(
            clusterNodes: text, asked: RedisEndpoint(host: "asked", port: 30_002), usesNames: true)
        #expect(view.witness == "67ed2db" && view.witnessCount == 5)
        #expect(view.tenures.map(\.endpoint.host) == ["asked", "127.0.0.1", "host1"])
        #expect(view.tenures.map(\.number) == [2, 3, 1])
        #expect(view.owners[0] == 2 && view.owners[5_460] == 2 && view.owners[5_461] == 0 && view.owners[16_383] == 1)
        #expect(view.peers.count == 5)
        for wrong in [
            "", "x", "a b:1 myself,master - 0 0 1 connected 0-99999", "a b:1 myself,master - 0 0 x connected",
        ] {
            #expect(throws: TenancyError.self) {
                try MasterView(clusterNodes: wrong, asked: RedisEndpoint(host: "h", port: 1), usesNames: false)
            }
        }
    }
}
