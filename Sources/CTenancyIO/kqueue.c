#ifndef __linux__

#include "CTenancyIO.h"

#include <errno.h>
#include <sys/event.h>
#include <time.h>
#include <unistd.h>

int tenancy_poller_open(tenancy_poller *poller) {
    poller->wake = -1;
    poller->queue = kqueue();
    if (poller->queue < 0) return errno;
    struct kevent change;
    EV_SET(&change, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
    if (kevent(poller->queue, &change, 1, NULL, 0, NULL) != 0) {
        int error = errno;
        close(poller->queue);
        return error;
    }
    return 0;
}

void tenancy_poller_close(const tenancy_poller *poller) { close(poller->queue); }

static int set_filter(int queue, int fd, int16_t filter, bool on, uint64_t token) {
    struct kevent change;
    EV_SET(&change, (uintptr_t)fd, filter, on ? EV_ADD : EV_DELETE, 0, 0, (void *)(uintptr_t)token);
    return kevent(queue, &change, 1, NULL, 0, NULL) == 0 ? 0 : errno;
}

int tenancy_poller_set(const tenancy_poller *poller, int fd, uint32_t from, uint32_t to, uint64_t token) {
    int error = 0;
    if ((from ^ to) & TENANCY_READABLE) {
        error = set_filter(poller->queue, fd, EVFILT_READ, (to & TENANCY_READABLE) != 0, token);
    }
    if (error == 0 && ((from ^ to) & TENANCY_WRITABLE)) {
        error = set_filter(poller->queue, fd, EVFILT_WRITE, (to & TENANCY_WRITABLE) != 0, token);
    }
    return error;
}

void tenancy_poller_wake(const tenancy_poller *poller) {
    struct kevent change;
    EV_SET(&change, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    kevent(poller->queue, &change, 1, NULL, 0, NULL);
}

int tenancy_poller_wait(const tenancy_poller *poller, tenancy_event *events, int capacity, int64_t timeout) {
    struct kevent found[128];
    if (capacity > 128) capacity = 128;
    struct timespec time = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    int count = kevent(poller->queue, NULL, 0, found, capacity, timeout < 0 ? NULL : &time);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    int written = 0;
    for (int index = 0; index < count; index++) {
        if (found[index].filter == EVFILT_USER) continue;
        uint32_t result = found[index].filter == EVFILT_WRITE ? TENANCY_WRITABLE : TENANCY_READABLE;
        if (found[index].flags & (EV_EOF | EV_ERROR)) result |= TENANCY_CLOSED;
        events[written++] =
            (tenancy_event){.token = (uint64_t)(uintptr_t)found[index].udata, .events = result};
    }
    return written;
}

uint64_t tenancy_clock(void) { return clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW); }

#endif
