#ifndef TENANCY_CLIBPQ_SHIM_H
#define TENANCY_CLIBPQ_SHIM_H

#include <libpq-fe.h>

#endif
