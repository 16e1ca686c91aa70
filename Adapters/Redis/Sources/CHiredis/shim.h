#ifndef TENANCY_CHIREDIS_SHIM_H
#define TENANCY_CHIREDIS_SHIM_H

// Found by its folder, not through pkg-config: hiredis.pc carries a compiler
// flag that the package manager refuses with a warning.
#include <hiredis/hiredis.h>

#endif
