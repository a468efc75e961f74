/*
 * xt_mark.h - how marks are written: for -m mark, -m connmark and their targets.
 */
#ifndef NET_NETFILTER_XT_MARK_H
#define NET_NETFILTER_XT_MARK_H

#include "net/netfilter/x_tables.h"

/* The next word, "0x10" or "0x10/0xff" (without a mask: all bits). 0 or -EINVAL. */
int xt_mark_value(struct xt_parse *in, uint32_t *mark, uint32_t *mask);

/*
 * The value of --set-mark, --set-xmark, --and-mark, --or-mark or --xor-mark, as the two words of
 * (old & ~mask) ^ mark. 1: read; 0: `option` is none of these; -EINVAL.
 */
int xt_mark_change(struct xt_parse *in, const char *option, bool invert, uint32_t *mark, uint32_t *mask);

/* "0x10", "0x10/0xff" */
void xt_mark_print_value(struct xt_text *out, uint32_t mark, uint32_t mask);

#endif
