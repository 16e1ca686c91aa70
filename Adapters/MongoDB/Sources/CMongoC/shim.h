#ifndef TENANCY_CMONGOC_SHIM_H
#define TENANCY_CMONGOC_SHIM_H

#include <mongoc/mongoc.h>

/// Swift sees the message's array as a tuple of 504 characters.
static inline const char *tenancy_bson_error_message(const bson_error_t *error) {
    return error->message;
}

#endif
