#ifndef TENANCY_CLIBPQ_SHIM_H
#define TENANCY_CLIBPQ_SHIM_H

#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

// Ends an exchange. From version 17 on libpq can do so without sending at once.
static inline int tenancy_pipeline_sync(PGconn *connection) {
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(connection);
#else
    return PQpipelineSync(connection);
#endif
}

// Has the system hold what is sent until it is told otherwise. Returns 0, or -1 where there is no such thing, as on
// sockets of the file system.
static inline int tenancy_socket_cork(int descriptor, int isOn) {
#if defined(LIBPQ_HAS_SEND_PIPELINE_SYNC)
    return -1;
#elif defined(TCP_CORK)
    return setsockopt(descriptor, IPPROTO_TCP, TCP_CORK, &isOn, sizeof isOn);
#elif defined(TCP_NOPUSH)
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NOPUSH, &isOn, sizeof isOn);
#else
    return -1;
#endif
}

#endif
