/*
 * snmp.c - the printed names of the protocol counters in net->mib[].
 */
#include "net/core/snmp.h"

#include <stddef.h>

static const char *const mib_names[MIB_MAX] = {
#define X(name) [MIB_##name] = #name,
    MIB_COUNTERS(X)
#undef X
};

const char *mib_name(enum mib_counter counter)
{
    return counter < MIB_MAX ? mib_names[counter] : NULL;
}
