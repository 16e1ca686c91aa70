import TestServers
import Testing

@Suite("MongoDB", .requires(.mongodb))
struct MongoDBServiceTests {
    @Test("What a transaction wrote is seen by others once it is committed, and not before")
    func transaction() async throws {
        let address = try TestServer.mongodb.address()
        let outcome = try await blocking {
            let database = uniqueName("tenancy_test")
            let connection = try MongoConnection(address, database: database)
            // A session belongs to its client, so the reader outside has one of its own.
            let outsider = try MongoConnection(address, database: database)
            let outcome = Result {
                try connection.run(#"{"create": "note"}"#)
                let session = try connection.startTransaction()
                try connection.run(#"{"insert": "note", "documents": [{"_id": 1, "body": "grüße"}]}"#, in: session)
                let before = try outsider.count("note")
                try session.commit()
                let after = try outsider.count("note")
                let reply = try outsider.run(#"{"find": "note", "filter": {"_id": 1}}"#)
                return (before: before, after: after, reply: reply)
            }
            try connection.run(#"{"dropDatabase": 1}"#)
            return try outcome.get()
        }
        #expect(outcome.before == 0)
        #expect(outcome.after == 1)
        #expect(outcome.reply.contains("grüße"))
    }

    @Test("An abandoned transaction leaves nothing")
    func abandonedTransaction() async throws {
        let address = try TestServer.mongodb.address()
        let count = try await blocking {
            let connection = try MongoConnection(address, database: uniqueName("tenancy_test"))
            // The session ends with this function, and its transaction with it.
            func insertAndAbandon() throws {
                let session = try connection.startTransaction()
                try connection.run(#"{"insert": "note", "documents": [{"_id": 1}]}"#, in: session)
            }
            let count = Result {
                try connection.run(#"{"create": "note"}"#)
                try insertAndAbandon()
                return try connection.count("note")
            }
            try connection.run(#"{"dropDatabase": 1}"#)
            return try count.get()
        }
        #expect(count == 0)
    }
}
