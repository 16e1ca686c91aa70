// What ThreadSanitizer has to be told of Swift's `Mutex`, preloaded by scripts/sanitize.
//
// On Linux `Mutex` is a word that is exchanged for the owner's thread id, and a futex of the kernel's when two threads
// want it at once. The exchange is compiled into our own code, so the sanitizer sees it and knows that what one owner
// did happened before what the next one does. The way through the kernel is in libswiftSynchronization, which is not
// instrumented: there the lock seems to change hands without anything between the two, and whatever it guards seems to
// be raced for. So the two functions of that way are wrapped:
//
// - `_lockSlow` returns when the calling thread owns the lock: what was released at the word is acquired.
// - `_unlockSlow` gives the lock up some time after it was called: what was done so far is released at the word before.
//
// Nothing is hidden by it that the lock does not order: both are said of the word of this very lock, only by a thread
// that has just got it or still has it. If a later Swift names the functions otherwise, they are called directly, and
// the reports come back.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef __attribute__((swiftcall)) void lock_function(uint32_t, __attribute__((swift_context)) void *);
typedef __attribute__((swiftcall)) void unlock_function(__attribute__((swift_context)) void *);

void __tsan_acquire(void *) __attribute__((weak));
void __tsan_release(void *) __attribute__((weak));

static void *original(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        fprintf(stderr, "tsan-mutex: %s was not found\n", name);
        abort();
    }
    return function;
}

__attribute__((swiftcall)) void tenancy_lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex)
    __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void tenancy_unlock_slow(__attribute__((swift_context)) void *mutex) __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void tenancy_lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) {
    static lock_function *function;
    lock_function *lock = __atomic_load_n(&function, __ATOMIC_RELAXED);
    if (lock == NULL) {
        lock = (lock_function *)original(LOCK_SLOW);
        __atomic_store_n(&function, lock, __ATOMIC_RELAXED);
    }
    lock(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

__attribute__((swiftcall)) void tenancy_unlock_slow(__attribute__((swift_context)) void *mutex) {
    static unlock_function *function;
    unlock_function *unlock = __atomic_load_n(&function, __ATOMIC_RELAXED);
    if (unlock == NULL) {
        unlock = (unlock_function *)original(UNLOCK_SLOW);
        __atomic_store_n(&function, unlock, __ATOMIC_RELAXED);
    }
    if (__tsan_release) __tsan_release(mutex);
    unlock(mutex);
}
