// Open file description locks are an extension.
#define _GNU_SOURCE

#include "CTenancySQLite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>

int tenancy_sqlite_defend(void *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

int tenancy_sqlite_lock_byte(int descriptor, int64_t offset, bool exclusively) {
#ifdef F_OFD_SETLK
    // Not POSIX's own record locks: they are the process's, and end with the first of its descriptors that is closed.
    struct flock lock = {
        .l_type = exclusively ? F_WRLCK : F_RDLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = 1,
    };
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
#else
    (void)offset;
    return flock(descriptor, (exclusively ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 ? 0 : errno;
#endif
}
