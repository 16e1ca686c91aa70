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
