#include "floor_sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct floor_sqlite {
    sqlite3 *database;
    sqlite3_stmt *read;
    sqlite3_stmt *insert;
};

int floor_sqlite_execute(floor_sqlite *floor, const char *sql) {
    return sqlite3_exec(floor->database, sql, NULL, NULL, NULL);
}

const char *floor_sqlite_message(floor_sqlite *floor) { return sqlite3_errmsg(floor->database); }

floor_sqlite *floor_sqlite_open(const char *path, int cache_bytes) {
    floor_sqlite *floor = calloc(1, sizeof *floor);
    if (floor == NULL) return NULL;
    char pragmas[256];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -%d;"
             "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0",
             cache_bytes / 1024);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &floor->database, flags, NULL) != SQLITE_OK
        || floor_sqlite_execute(floor, pragmas) != SQLITE_OK) {
        floor_sqlite_close(floor);
        return NULL;
    }
    return floor;
}

void floor_sqlite_close(floor_sqlite *floor) {
    sqlite3_finalize(floor->read);
    sqlite3_finalize(floor->insert);
    sqlite3_close(floor->database);
    free(floor);
}

static int prepare(floor_sqlite *floor, sqlite3_stmt **statement, const char *sql) {
    if (*statement != NULL) return SQLITE_OK;
    return sqlite3_prepare_v3(floor->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

char *floor_sqlite_schema(floor_sqlite *floor, const char *table) {
    sqlite3_stmt *statement = NULL;
    char *schema = NULL;
    int code = prepare(floor, &statement,
                       "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master"
                       " WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY type = 'table' DESC)");
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(statement, 0);
            if (text != NULL) schema = strdup(text);
        }
    }
    sqlite3_finalize(statement);
    return schema;
}

static int64_t text_sum(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    int length = sqlite3_column_bytes(statement, column);
    return text == NULL ? 0 : length + text[length - 1];
}

int64_t floor_sqlite_read(floor_sqlite *floor, const char *const *tenants, const floor_request *requests,
                          int64_t count, int64_t *sum) {
    int code = prepare(floor, &floor->read,
                       "SELECT id, passenger, seat, fare, miles, departure FROM bookings"
                       " WHERE tenant_id = ?1 AND id = ?2");
    if (code != SQLITE_OK) return -1;
    sqlite3_stmt *statement = floor->read;
    int64_t found = 0;
    for (int64_t place = 0; place < count; place++) {
        sqlite3_bind_text(statement, 1, tenants[requests[place].tenant], -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, requests[place].id);
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            found++;
            *sum += sqlite3_column_int64(statement, 0) + text_sum(statement, 1) + text_sum(statement, 2)
                + (int64_t)sqlite3_column_double(statement, 3) + sqlite3_column_int64(statement, 4)
                + sqlite3_column_int64(statement, 5);
        } else if (code != SQLITE_DONE) {
            sqlite3_reset(statement);
            return -1;
        }
        sqlite3_reset(statement);
    }
    return found;
}

static int insert_all(floor_sqlite *floor, const char *tenant, const floor_booking *rows, int64_t count,
                      const char *text) {
    sqlite3_stmt *statement = floor->insert;
    sqlite3_bind_text(statement, 1, tenant, -1, SQLITE_STATIC);
    for (int64_t place = 0; place < count; place++) {
        const floor_booking *row = &rows[place];
        sqlite3_bind_int64(statement, 2, row->id);
        sqlite3_bind_text(statement, 3, text + row->passenger_start, row->passenger_length, SQLITE_STATIC);
        if (row->seat_length < 0) {
            sqlite3_bind_null(statement, 4);
        } else {
            sqlite3_bind_text(statement, 4, text + row->seat_start, row->seat_length, SQLITE_STATIC);
        }
        sqlite3_bind_double(statement, 5, row->fare);
        sqlite3_bind_int64(statement, 6, row->miles);
        sqlite3_bind_int64(statement, 7, row->departure);
        int code = sqlite3_step(statement);
        sqlite3_reset(statement);
        if (code != SQLITE_DONE) return code;
    }
    return SQLITE_OK;
}

int floor_sqlite_insert(floor_sqlite *floor, const char *tenant, const floor_booking *rows, int64_t count,
                        const char *text) {
    int code = prepare(floor, &floor->insert,
                       "INSERT INTO bookings (tenant_id, id, passenger, seat, fare, miles, departure)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (code != SQLITE_OK) return code;
    code = floor_sqlite_execute(floor, "BEGIN IMMEDIATE");
    if (code != SQLITE_OK) return code;
    code = insert_all(floor, tenant, rows, count, text);
    int ended = floor_sqlite_execute(floor, code == SQLITE_OK ? "COMMIT" : "ROLLBACK");
    return code == SQLITE_OK ? ended : code;
}
