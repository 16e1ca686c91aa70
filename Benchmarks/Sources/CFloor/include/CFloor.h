#ifndef TENANCY_CFLOOR_H
#define TENANCY_CFLOOR_H

#include "floor_redis.h"
#include "floor_sqlite.h"

#endif
