#ifdef __linux__

#define _GNU_SOURCE
#include "CTenancyIO.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const uint64_t wake_token = UINT64_MAX;

int tenancy_poller_open(tenancy_poller *poller) {
    poller->queue = epoll_create1(EPOLL_CLOEXEC);
    if (poller->queue < 0) return errno;
    poller->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (poller->wake < 0) {
        int error = errno;
        close(poller->queue);
        return error;
    }
    // Edge-triggered, so that the counter never has to be read back: every write is a new edge.
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = wake_token};
    if (epoll_ctl(poller->queue, EPOLL_CTL_ADD, poller->wake, &event) != 0) {
        int error = errno;
        tenancy_poller_close(poller);
        return error;
    }
    return 0;
}

void tenancy_poller_close(const tenancy_poller *poller) {
    close(poller->wake);
    close(poller->queue);
}

int tenancy_poller_set(const tenancy_poller *poller, int fd, uint32_t from, uint32_t to, uint64_t token) {
    struct epoll_event event = {.data.u64 = token};
    if (to & TENANCY_READABLE) event.events |= EPOLLIN | EPOLLRDHUP;
    if (to & TENANCY_WRITABLE) event.events |= EPOLLOUT;
    if (from == to) return 0;
    // A descriptor that is watched for nothing would still report that it was closed, again and again.
    int operation = from == 0 ? EPOLL_CTL_ADD : to == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    return epoll_ctl(poller->queue, operation, fd, &event) == 0 ? 0 : errno;
}

void tenancy_poller_wake(const tenancy_poller *poller) {
    uint64_t one = 1;
    ssize_t written;
    do written = write(poller->wake, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

static int wait_for_events(int queue, struct epoll_event *events, int capacity, int64_t timeout) {
    if (timeout <= 0) return epoll_wait(queue, events, capacity, timeout < 0 ? -1 : 0);
#ifdef SYS_epoll_pwait2
    // To the nanosecond, where the kernel (5.11) has it.
    static atomic_bool is_missing = false;
    if (!atomic_load_explicit(&is_missing, memory_order_relaxed)) {
        struct timespec time = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
        int count = (int)syscall(SYS_epoll_pwait2, queue, events, capacity, &time, NULL, 0);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
        atomic_store_explicit(&is_missing, true, memory_order_relaxed);
    }
#endif
    int64_t milliseconds = timeout / 1000000 + (timeout % 1000000 != 0);
    return epoll_wait(queue, events, capacity, milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
}

int tenancy_poller_wait(const tenancy_poller *poller, tenancy_event *events, int capacity, int64_t timeout) {
    struct epoll_event found[128];
    if (capacity > 128) capacity = 128;
    int count = wait_for_events(poller->queue, found, capacity, timeout);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    int written = 0;
    for (int index = 0; index < count; index++) {
        if (found[index].data.u64 == wake_token) continue;
        uint32_t flags = found[index].events, result = 0;
        if (flags & EPOLLIN) result |= TENANCY_READABLE;
        if (flags & EPOLLOUT) result |= TENANCY_WRITABLE;
        if (flags & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) result |= TENANCY_CLOSED;
        events[written++] = (tenancy_event){.token = found[index].data.u64, .events = result};
    }
    return written;
}

uint64_t tenancy_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#endif
