#ifndef TENANCY_CTENANCYSQLITE_H
#define TENANCY_CTENANCYSQLITE_H

#include <stdbool.h>
#include <stdint.h>

// What Swift can't call (variadic functions), behind functions of fixed arguments.

/// Keeps SQL on a connection from damaging the file: no writing to the schema's table, to shadow tables or to the schema
/// cookie, and no turning the journal off. Answers an SQLite result code.
int tenancy_sqlite_defend(void *database);

/// Locks a byte of an open file against other openings of it, in this process too, without waiting. Answers 0, or the
/// error's number. The lock ends when the descriptor is closed. Where the system has no such locks, the whole file is
/// locked.
int tenancy_sqlite_lock_byte(int descriptor, int64_t offset, bool exclusively);

#endif
