/*
 * xt_ports.h - ports by number or name, for the matches tcp, udp and multiport.
 */
#ifndef NET_NETFILTER_XT_PORTS_H
#define NET_NETFILTER_XT_PORTS_H

#include "net/netfilter/x_tables.h"

struct xt_port_range {
    uint16_t from, to;
};

/* "80", "http", "1024:65535", ":1023", "1024:", of [text, text + len): 0 or -EINVAL. */
int xt_ports_parse(struct xt_parse *in, const char *text, size_t len, struct xt_port_range *range);
void xt_ports_print(struct xt_text *out, const struct xt_port_range *range);

#endif
