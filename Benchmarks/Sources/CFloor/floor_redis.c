#include "floor_redis.h"

#ifdef TENANCY_FLOOR_REDIS

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct floor_redis {
    redisContext *context;
    int64_t next;
};

static int succeeded(redisReply *reply) {
    int result = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    return result;
}

floor_redis *floor_redis_open(const char *host, int port, const char *user, const char *password, int database) {
    floor_redis *floor = calloc(1, sizeof *floor);
    if (floor == NULL) return NULL;
    struct timeval timeout = {.tv_sec = 5};
    floor->context = redisConnectWithTimeout(host, port, timeout);
    int ready = floor->context != NULL && floor->context->err == 0;
    if (ready && password != NULL) {
        ready = succeeded(user == NULL ? redisCommand(floor->context, "AUTH %s", password)
                                       : redisCommand(floor->context, "AUTH %s %s", user, password));
    }
    if (ready) ready = succeeded(redisCommand(floor->context, "SELECT %d", database));
    if (ready) return floor;
    floor_redis_close(floor);
    return NULL;
}

void floor_redis_close(floor_redis *floor) {
    if (floor->context != NULL) redisFree(floor->context);
    free(floor);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// The same order as ours: CacheExample.position.
static int64_t position(int64_t number, int64_t count) { return (number * 7919) & (count - 1); }

static int append(floor_redis *floor, const char *prefix, int64_t count, const char *value, int length) {
    char name[128];
    int size = snprintf(name, sizeof name, "%s%012lld", prefix, (long long)position(floor->next++, count));
    if (value == NULL) {
        const char *words[] = {"GET", name};
        size_t sizes[] = {3, (size_t)size};
        return redisAppendCommandArgv(floor->context, 2, words, sizes);
    }
    const char *words[] = {"SET", name, value, "PX", "3600000"};
    size_t sizes[] = {3, (size_t)size, (size_t)length, 2, 7};
    return redisAppendCommandArgv(floor->context, 5, words, sizes);
}

static int flush(floor_redis *floor) {
    int done = 0;
    while (!done) {
        if (redisBufferWrite(floor->context, &done) != REDIS_OK) return REDIS_ERR;
    }
    return REDIS_OK;
}

// Each reply is followed by its caller's next command; the commands of one turn go out together.
static int64_t run(floor_redis *floor, const char *prefix, int64_t count, const char *value, int length, int callers,
                   int64_t end) {
    int64_t finished = 0;
    int waiting = 0, over = 0;
    for (; waiting < callers; waiting++) {
        if (append(floor, prefix, count, value, length) != REDIS_OK) return -1;
    }
    while (waiting > 0) {
        if (flush(floor) != REDIS_OK || redisBufferRead(floor->context) != REDIS_OK) return -1;
        void *raw = NULL;
        while (redisReaderGetReply(floor->context->reader, &raw) == REDIS_OK && raw != NULL) {
            redisReply *reply = raw;
            int found = value == NULL ? reply->type == REDIS_REPLY_STRING && reply->len > 0
                                      : reply->type == REDIS_REPLY_STATUS;
            freeReplyObject(reply);
            if (!found) return -1;
            finished++;
            waiting--;
            if (!over) {
                if (append(floor, prefix, count, value, length) != REDIS_OK) return -1;
                waiting++;
            }
        }
        if (floor->context->reader->err != 0) return -1;
        if (!over) over = now() >= end;
    }
    return finished;
}

int64_t floor_redis_get(floor_redis *floor, const char *prefix, int64_t count, int callers, int64_t end) {
    return run(floor, prefix, count, NULL, 0, callers, end);
}

int64_t floor_redis_set(floor_redis *floor, const char *prefix, int64_t count, int length, int callers, int64_t end) {
    char *value = malloc((size_t)length);
    if (value == NULL) return -1;
    memset(value, 7, (size_t)length);
    int64_t finished = run(floor, prefix, count, value, length, callers, end);
    free(value);
    return finished;
}

enum { batch = 100 };

int64_t floor_redis_mget(floor_redis *floor, const char *prefix, int64_t count, int64_t end) {
    static char names[batch][128];
    const char *words[batch + 1] = {"MGET"};
    size_t sizes[batch + 1] = {4};
    int64_t finished = 0;
    do {
        for (int place = 0; place < batch; place++) {
            sizes[place + 1] = (size_t)snprintf(names[place], sizeof names[place], "%s%012lld", prefix,
                                                (long long)position(floor->next++, count));
            words[place + 1] = names[place];
        }
        redisReply *reply = redisCommandArgv(floor->context, batch + 1, words, sizes);
        int complete = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == batch;
        for (size_t place = 0; complete && place < batch; place++) {
            complete = reply->element[place]->type == REDIS_REPLY_STRING;
        }
        freeReplyObject(reply);
        if (!complete) return -1;
        finished++;
    } while (now() < end);
    return finished;
}

static int64_t each(floor_redis *floor, const char *prefix, int64_t count, const char *format, const char *value,
                    int length) {
    for (int64_t number = 0; number < count; number++) {
        redisReply *reply = redisCommand(floor->context, format, prefix, (long long)number, value, (size_t)length);
        if (!succeeded(reply)) return -1;
    }
    return 0;
}

int64_t floor_redis_fill(floor_redis *floor, const char *prefix, int64_t count, int length) {
    char *value = malloc((size_t)length);
    if (value == NULL) return -1;
    memset(value, 7, (size_t)length);
    int64_t result = each(floor, prefix, count, "SET %s%012lld %b PX 3600000", value, length);
    free(value);
    return result;
}

int64_t floor_redis_remove(floor_redis *floor, const char *prefix, int64_t count) {
    return each(floor, prefix, count, "UNLINK %s%012lld", NULL, 0);
}

#endif
