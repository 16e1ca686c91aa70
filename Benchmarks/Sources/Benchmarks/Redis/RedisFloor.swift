#if Redis
    import CFloor
    import Foundation
    import Tenancy
    import TenancyRedis

    /// Redis by hiredis, on one connection and one thread.
    final class RedisFloor {
        private let floor: OpaquePointer
        private let prefix: String

        init(_ server: RedisServer) throws {
            let configuration = server.configuration
            guard
                let floor = floor_redis_open(
                    configuration.host, Int32(configuration.port), configuration.user,
                    configuration.password?.reveal(), Int32(configuration.database))
            else { throw BenchmarkError("The floor can't connect to Redis.") }
            self.floor = floor
            prefix = server.prefix
        }

        deinit { floor_redis_close(floor) }

        /// Callers who each wait for their own reply, all on the one connection.
        func get(callers: Int, for duration: Duration) async throws -> Round {
            try await round(duration) {
                floor_redis_get(floor, prefix, Int64(RedisExample.count), Int32(callers), $0)
            }
        }

        func set(callers: Int, for duration: Duration) async throws -> Round {
            try await round(duration) {
                floor_redis_set(
                    floor, prefix, Int64(RedisExample.count), Int32(RedisExample.valueLength), Int32(callers), $0)
            }
        }

        /// 100 at a time, one caller.
        func mget(for duration: Duration) async throws -> Round {
            try await round(duration) { floor_redis_mget(floor, prefix, Int64(RedisExample.count), $0) }
        }

        /// Stores every value.
        func fill() throws {
            try check(
                floor_redis_fill(floor, prefix, Int64(RedisExample.count), Int32(RedisExample.valueLength)))
        }

        /// Removes every value.
        func remove() throws { try check(floor_redis_remove(floor, prefix, Int64(RedisExample.count))) }

        private func round(_ duration: Duration, _ body: (Int64) -> Int64) async throws -> Round {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            let end = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) + Int64(duration / .nanoseconds(1))
            return try await Round.measure {
                let count = body(end)
                try check(count)
                return (Int(count), [])
            }
        }

        private func check(_ count: Int64) throws {
            guard count >= 0 else { throw BenchmarkError("The floor failed, or missed a value.") }
        }
    }
#endif
