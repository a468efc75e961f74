/*
 * dropreason.c - the names of drops, as the console and the logs print them.
 */
#include "net/core/dropreason.h"

#include <stddef.h>

struct drop_entry {
    const char *name, *text;
};

static const struct drop_entry drop_table[SKB_DROP_REASON_MAX] = {
#define X(reason, explanation) [SKB_DROP_REASON_##reason] = {#reason, explanation},
    SKB_DROP_REASONS(X)
#undef X
};

static const struct drop_entry *drop_lookup(enum skb_drop_reason reason)
{
    return reason > SKB_NOT_DROPPED_YET && reason < SKB_DROP_REASON_MAX ? &drop_table[reason] : NULL;
}

const char *skb_drop_reason_name(enum skb_drop_reason reason)
{
    const struct drop_entry *entry = drop_lookup(reason);
    return entry ? entry->name : NULL;
}

const char *skb_drop_reason_text(enum skb_drop_reason reason)
{
    const struct drop_entry *entry = drop_lookup(reason);
    return entry ? entry->text : NULL;
}
