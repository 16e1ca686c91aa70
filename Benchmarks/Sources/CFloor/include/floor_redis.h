#ifndef TENANCY_FLOOR_REDIS_H
#define TENANCY_FLOOR_REDIS_H

#include <stdint.h>

// Redis by hiredis, one connection, one thread. Nothing here is built unless
// the benchmarks of Redis are.
typedef struct floor_redis floor_redis;

// Connects, logs in and chooses the database; NULL if any of that fails. The
// user may be NULL, and the password as well.
floor_redis *floor_redis_open(const char *host, int port, const char *user, const char *password, int database);
void floor_redis_close(floor_redis *floor);

// Gets values for callers who each wait for their own reply before they ask
// again, all over one connection, until so many have been read and the time, in
// nanoseconds of CLOCK_MONOTONIC, has come. Names are the prefix and a number
// below `count`, a power of two, of twelve digits, as redis-benchmark makes them.
//
// Returns how many values were found, or -1.
int64_t floor_redis_get(floor_redis *floor, const char *prefix, int64_t count, int callers, int64_t end);

// Gets 100 values at a time with MGET, one caller. Returns how many commands
// were answered in full, or -1.
int64_t floor_redis_mget(floor_redis *floor, const char *prefix, int64_t count, int64_t end);

// Sets values of a length with a life time of an hour, as floor_redis_get gets them.
int64_t floor_redis_set(floor_redis *floor, const char *prefix, int64_t count, int length, int callers, int64_t end);

// Stores all values, and removes them. Returns 0, or -1.
int64_t floor_redis_fill(floor_redis *floor, const char *prefix, int64_t count, int length);
int64_t floor_redis_remove(floor_redis *floor, const char *prefix, int64_t count);

#endif
