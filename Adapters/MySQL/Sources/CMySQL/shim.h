#ifndef TENANCY_CMYSQL_SHIM_H
#define TENANCY_CMYSQL_SHIM_H

// `mysqlclient` is Oracle's library on some systems and MariaDB Connector/C on
// others (Debian). What differs between them is settled here, and only here.
// There is no `link` line in the module map for the same reason: the library's
// real name is known to pkg-config alone.

#include <stdbool.h>
#include <mysql.h>

#if defined(MARIADB_VERSION_ID) || defined(MARIADB_BASE_VERSION)
#define TENANCY_MYSQL_IS_MARIADB_CONNECTOR 1
/// The type of the flags in MYSQL_BIND.
typedef my_bool tenancy_mysql_bool;
#else
#define TENANCY_MYSQL_IS_MARIADB_CONNECTOR 0
/// The type of the flags in MYSQL_BIND.
typedef bool tenancy_mysql_bool;
#endif

/// Has the connection use TLS or fail, and check the server's certificate and
/// host name against the authority in `ca_file`. Call it before connecting.
static inline int tenancy_mysql_require_tls(MYSQL *mysql, const char *ca_file) {
    if (mysql_options(mysql, MYSQL_OPT_SSL_CA, ca_file) != 0) {
        return 1;
    }
#if TENANCY_MYSQL_IS_MARIADB_CONNECTOR
    my_bool yes = 1;
    if (mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes) != 0) {
        return 1;
    }
    return mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes) != 0;
#else
    enum mysql_ssl_mode mode = SSL_MODE_VERIFY_IDENTITY;
    return mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode) != 0;
#endif
}

/// Lets `caching_sha2_password` ask a server without TLS for its public key.
/// Connector/C always does so; Oracle's library wants to be told.
static inline int tenancy_mysql_allow_public_key_retrieval(MYSQL *mysql) {
#if TENANCY_MYSQL_IS_MARIADB_CONNECTOR
    (void)mysql;
    return 0;
#else
    bool yes = true;
    return mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes) != 0;
#endif
}

#endif
