/*
 * cmd_ip_addr.c - `ip addr`.
 */
#include <skiff/link.h>
#include <skiff/route.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/cmd_ip.h"
#include "net/apps/parse.h"

#define CHUNK 8

static const char *scope_of(uint32_t addr)
{
    uint8_t bytes[4];
    memcpy(bytes, &addr, sizeof(bytes));
    return bytes[0] == 127 ? "host" : bytes[0] == 169 && bytes[1] == 254 ? "link" : "global";
}

static void show_address(struct shell *c, const struct skiff_addr *a, bool brief)
{
    char local[ADDR_TEXT], broadcast[ADDR_TEXT];
    if (brief) {
        console_printf(c, " %s/%u", format_addr(a->local, local), a->prefix_len);
        return;
    }
    console_printf(c, "    inet %s/%u", format_addr(a->local, local), a->prefix_len);
    if (a->broadcast)
        console_printf(c, " brd %s", format_addr(a->broadcast, broadcast));
    console_printf(c, " scope %s%s %s\n", scope_of(a->local), a->tentative ? " tentative" : "", a->device);
}

static void show_addresses_of(struct shell *c, const char *device, bool brief)
{
    struct skiff_addr addrs[CHUNK];
    size_t n, skip = 0;
    for (; (n = skiff_addr_list(addrs, CHUNK, skip)) && !c->stopped; skip += n)
        for (size_t i = 0; i < n; i++)
            if (!strcmp(addrs[i].device, device))
                show_address(c, &addrs[i], brief);
}

static void show_device(struct shell *c, const struct skiff_link *link, bool brief)
{
    if (brief)
        console_printf(c, "%-16s %-8s", link->name, link->carrier ? "UP" : "DOWN");
    else
        ip_show_link(c, link);
    show_addresses_of(c, link->name, brief);
    if (brief)
        console_printf(c, "\n");
}

static int show(struct shell *c, const struct ip_options *options, const char *device)
{
    struct skiff_link link;
    if (device && skiff_link_get(device, &link))
        return console_fail(c, device, "there is no such device; ip link lists them");
    if (device) {
        show_device(c, &link, options->brief);
        return 0;
    }
    for (size_t skip = 0; skiff_link_list(&link, 1, skip) && !c->stopped; skip++)
        show_device(c, &link, options->brief);
    return 0;
}

static int change(struct shell *c, bool add, int argc, char **argv)
{
    const char *device = ip_value(argc, argv, "dev"), *why = NULL;
    uint32_t addr;
    int prefix_len;
    if (!device || argc < 3 || !parse_prefix(argv[0], &addr, &prefix_len))
        return console_usage(c, "ip");
    if (add ? skiff_addr_add(device, addr, prefix_len, &why) : skiff_addr_del(device, addr, &why))
        return ip_fail(c, why);
    return 0;
}

int ip_address(struct shell *c, const struct ip_options *options, int argc, char **argv)
{
    if (ip_shows(argc, argv)) {
        const char *device = ip_value(argc, argv, "dev");
        return show(c, options, device ? device : argc > 1 ? argv[1] : NULL);
    }
    if (ip_word_is(argv[0], "add") || ip_word_is(argv[0], "delete"))
        return change(c, argv[0][0] == 'a', argc - 1, argv + 1);
    return console_usage(c, "ip");
}
