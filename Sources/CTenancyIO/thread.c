#define _GNU_SOURCE
#include "CTenancyIO.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    void (*body)(void *);
    void *argument;
    char name[16];
} start_info;

static void *start(void *pointer) {
    start_info info = *(start_info *)pointer;
    free(pointer);
#ifdef __APPLE__
    pthread_setname_np(info.name);
#else
    pthread_setname_np(pthread_self(), info.name);
#endif
    info.body(info.argument);
    return NULL;
}

int tenancy_thread_start(
    tenancy_thread *thread, const char *name, bool detached, void (*body)(void *), void *argument) {
    start_info *info = malloc(sizeof *info);
    if (info == NULL) return ENOMEM;
    info->body = body;
    info->argument = argument;
    // Linux takes 15 bytes and refuses more.
    strncpy(info->name, name, sizeof info->name - 1);
    info->name[sizeof info->name - 1] = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    // Whole request handlers may run here; memory is only taken as it is touched.
    pthread_attr_setstacksize(&attributes, 8 << 20);
    if (detached) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread->thread, &attributes, start, info);
    pthread_attr_destroy(&attributes);
    if (error != 0) free(info);
    return error;
}

void tenancy_thread_join(tenancy_thread thread) { pthread_join(thread.thread, NULL); }

void tenancy_thread_detach(tenancy_thread thread) { pthread_detach(thread.thread); }

struct tenancy_mutex {
    pthread_mutex_t mutex;
};

tenancy_mutex *tenancy_mutex_make(void) {
    tenancy_mutex *mutex = malloc(sizeof *mutex);
    if (mutex == NULL) abort();
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
#ifdef __linux__
    // Spins for a moment before it sleeps: what is done under these locks takes less time than falling asleep.
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(&mutex->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return mutex;
}

void tenancy_mutex_free(tenancy_mutex *mutex) {
    pthread_mutex_destroy(&mutex->mutex);
    free(mutex);
}

void tenancy_mutex_lock(tenancy_mutex *mutex) { pthread_mutex_lock(&mutex->mutex); }

void tenancy_mutex_unlock(tenancy_mutex *mutex) { pthread_mutex_unlock(&mutex->mutex); }
