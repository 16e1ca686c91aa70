// What a program does that calls SQLite itself: one connection, statements
// prepared once, values bound by position. No tenant is checked, nothing is
// copied that needn't be, and nothing else runs.

#pragma once

#include <stdint.h>

typedef struct floor_sqlite floor_sqlite;

// One row of the table of bookings. Texts are positions in a buffer of bytes.
typedef struct {
    int64_t id;
    int64_t miles;
    int64_t departure;
    double fare;
    int32_t passenger_start;
    int32_t passenger_length;
    int32_t seat_start;
    // Less than 0 for no value.
    int32_t seat_length;
} floor_booking;

// One row to be read: whose, by the position of a tenant's id, and which.
typedef struct {
    int32_t tenant;
    int64_t id;
} floor_request;

// Opens a file with the settings that the adapter opens it with. Returns NULL
// if that fails.
floor_sqlite *floor_sqlite_open(const char *path, int cache_bytes);
void floor_sqlite_close(floor_sqlite *floor);

// Runs statements that return nothing. Returns an SQLite result code.
int floor_sqlite_execute(floor_sqlite *floor, const char *sql);

// The statements that made a table and its indexes, to be freed by the caller.
// Returns NULL if there is no such table.
char *floor_sqlite_schema(floor_sqlite *floor, const char *table);

// What the last failure was.
const char *floor_sqlite_message(floor_sqlite *floor);

// Reads rows by tenant and id, each of six columns, and adds up what was read,
// so that no compiler leaves it out. Returns how many were found, or -1.
int64_t floor_sqlite_read(floor_sqlite *floor, const char *const *tenants, const floor_request *requests,
                          int64_t count, int64_t *sum);

// Inserts rows in one transaction. Returns an SQLite result code.
int floor_sqlite_insert(floor_sqlite *floor, const char *tenant, const floor_booking *rows, int64_t count,
                        const char *text);
