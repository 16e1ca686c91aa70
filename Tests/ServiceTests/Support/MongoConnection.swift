import CMongoC

/// As much of libmongoc as the tests of the servers need. It stays on the thread that made it.
final class MongoConnection {
    private let client: OpaquePointer
    private let database: String

    // The library wants to be initialised once per process, before anything else of it is called.
    private static let initialised: Void = mongoc_init()

    init(_ address: String, database: String) throws {
        _ = Self.initialised
        guard let client = mongoc_client_new(address) else { throw ServerFailure("not an address of MongoDB") }
        _ = mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2)
        self.client = client
        self.database = database
    }

    deinit { mongoc_client_destroy(client) }

    /// Runs a command that is written as JSON, in a session's transaction if there is one, and returns the reply as JSON.
    @discardableResult
    func run(_ command: String, in session: Session? = nil) throws -> String {
        let document = try Document(json: command)
        let options = Document()
        try session?.join(options)
        let reply = Reply()
        var error = bson_error_t()
        let succeeded = mongoc_client_command_with_opts(
            client,
            database,
            document.pointer,
            nil,
            options.pointer,
            reply.pointer,
            &error
        )
        reply.isFilled = true
        guard succeeded else { throw ServerFailure(error) }
        guard let json = bson_as_relaxed_extended_json(reply.pointer, nil) else {
            throw ServerFailure("not a reply")
        }
        defer { bson_free(json) }
        return String(cString: json)
    }

    /// The number of a collection's documents that a reader outside of any transaction sees.
    func count(_ collection: String) throws -> Int {
        let handle = mongoc_client_get_collection(client, database, collection)
        defer { mongoc_collection_destroy(handle) }
        let everything = Document()
        var error = bson_error_t()
        let count = mongoc_collection_count_documents(handle, everything.pointer, nil, nil, nil, &error)
        guard count >= 0 else { throw ServerFailure(error) }
        return Int(count)
    }

    func startTransaction() throws -> Session {
        var error = bson_error_t()
        guard let session = mongoc_client_start_session(client, nil, &error) else { throw ServerFailure(error) }
        guard mongoc_client_session_start_transaction(session, nil, &error) else {
            mongoc_client_session_destroy(session)
            throw ServerFailure(error)
        }
        return Session(session)
    }

    /// A session with a transaction, which is abandoned with it unless it was committed.
    final class Session {
        private let handle: OpaquePointer

        fileprivate init(_ handle: OpaquePointer) { self.handle = handle }
        deinit { mongoc_client_session_destroy(handle) }

        fileprivate func join(_ options: Document) throws {
            var error = bson_error_t()
            guard mongoc_client_session_append(handle, options.pointer, &error) else { throw ServerFailure(error) }
        }

        func commit() throws {
            var error = bson_error_t()
            guard mongoc_client_session_commit_transaction(handle, nil, &error) else { throw ServerFailure(error) }
        }
    }

    /// Room for a document that the library fills. It is aligned more strictly than a Swift value can be, which is
    /// also why Swift takes every pointer to a document for an opaque one.
    fileprivate final class Reply {
        let pointer: OpaquePointer
        var isFilled = false
        private let memory: UnsafeMutableRawPointer

        init() {
            memory = .allocate(byteCount: MemoryLayout<bson_t>.size, alignment: 128)
            pointer = OpaquePointer(memory)
        }

        deinit {
            if isFilled { bson_destroy(pointer) }
            memory.deallocate()
        }
    }

    /// A document that is freed with its owner.
    fileprivate final class Document {
        let pointer: OpaquePointer

        init() { pointer = bson_new() }

        init(json: String) throws {
            var error = bson_error_t()
            guard let parsed = bson_new_from_json(json, -1, &error) else { throw ServerFailure(error) }
            pointer = parsed
        }

        deinit { bson_destroy(pointer) }
    }
}

extension ServerFailure {
    fileprivate init(_ error: bson_error_t) {
        var error = error
        self.init(String(cString: tenancy_bson_error_message(&error)), code: String(error.code))
    }
}
