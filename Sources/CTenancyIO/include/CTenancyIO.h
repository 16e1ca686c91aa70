#ifndef TENANCY_CTENANCYIO_H
#define TENANCY_CTENANCYIO_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

// What Swift can't import (epoll's union, macros, pthread_t's two shapes), behind one interface for Linux (epoll and
// eventfd) and Darwin (kqueue), so that the Swift above it has no conditions.

enum {
    TENANCY_READABLE = 1,
    TENANCY_WRITABLE = 2,
    TENANCY_CLOSED = 4,
};

typedef struct {
    uint64_t token;
    uint32_t events;
} tenancy_event;

typedef struct {
    int queue;
    int wake;
} tenancy_poller;

/// 0, or the error's number.
int tenancy_poller_open(tenancy_poller *poller);

void tenancy_poller_close(const tenancy_poller *poller);

/// Changes what is watched of a descriptor, level-triggered, from one set of events (0: nothing yet) to another (0:
/// nothing more). 0, or the error's number.
int tenancy_poller_set(const tenancy_poller *poller, int fd, uint32_t from, uint32_t to, uint64_t token);

/// Ends the wait under way, or else the next one. From any thread.
void tenancy_poller_wake(const tenancy_poller *poller);

/// Waits for at most `timeout` nanoseconds (negative: for ever) and returns how many events it has written; wake-ups
/// and signals end the wait and are no events. A negative number is an error's, negated.
int tenancy_poller_wait(const tenancy_poller *poller, tenancy_event *events, int capacity, int64_t timeout);

/// Nanoseconds by the clock that Swift's ContinuousClock reads.
uint64_t tenancy_clock(void);

typedef struct {
    pthread_t thread;
} tenancy_thread;

/// Starts a thread. 0, or the error's number, and then `body` is not called.
int tenancy_thread_start(
    tenancy_thread *thread, const char *name, bool detached, void (*body)(void *), void *argument);

void tenancy_thread_join(tenancy_thread thread);
/// Frees what there is of a thread when it has ended, instead of a join. From any thread, its own too.
void tenancy_thread_detach(tenancy_thread thread);

typedef struct tenancy_mutex tenancy_mutex;

tenancy_mutex *tenancy_mutex_make(void);
void tenancy_mutex_free(tenancy_mutex *mutex);
void tenancy_mutex_lock(tenancy_mutex *mutex);
void tenancy_mutex_unlock(tenancy_mutex *mutex);

/// A number that no other living thread has; never 0.
static inline uintptr_t tenancy_thread_current(void) { return (uintptr_t)pthread_self(); }

/// Gives the core to another thread that waits for one.
static inline void tenancy_thread_yield(void) { sched_yield(); }

#endif
