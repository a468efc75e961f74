/*
 * cmd_ip_neigh.c - `ip neigh`: the link addresses of neighbours.
 */
#include <arpa/inet.h>
#include <skiff/link.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/cmd_ip.h"
#include "net/apps/parse.h"

#define CHUNK 16

static void show_one(struct shell *c, const struct skiff_neigh *n)
{
    char addr[ADDR_TEXT], mac[MAC_TEXT];
    console_printf(c, "%s dev %s", format_addr(n->addr, addr), n->device);
    if (n->proxy) {
        console_printf(c, " proxy\n");
        return;
    }
    if (n->has_lladdr)
        console_printf(c, " lladdr %s", format_mac(n->lladdr, mac));
    console_printf(c, " %s\n", n->state);
}

static int show(struct shell *c, const char *device)
{
    struct skiff_neigh entries[CHUNK];
    size_t n, skip = 0;
    for (; !console_stopped(c) && (n = skiff_neigh_list(entries, CHUNK, skip)); skip += n)
        for (size_t i = 0; i < n; i++)
            if (!device || !strcmp(device, entries[i].device))
                show_one(c, &entries[i]);
    return 0;
}

static int change(struct shell *c, bool add, int argc, char **argv)
{
    const char *device = ip_value(argc, argv, "dev"), *lladdr = ip_value(argc, argv, "lladdr"), *why = NULL;
    bool proxy = argc && !strcmp(argv[0], "proxy");
    uint32_t addr;
    uint8_t mac[6];
    int err;
    if (argc < 1 + proxy || !device || inet_pton(AF_INET, argv[proxy], &addr) != 1 ||
        (add && !proxy && (!lladdr || !parse_mac(lladdr, mac))))
        return console_usage(c, "ip");
    if (proxy)
        err = add ? skiff_neigh_proxy_add(device, addr, &why) : skiff_neigh_proxy_del(device, addr, &why);
    else
        err = add ? skiff_neigh_add(device, addr, mac, &why) : skiff_neigh_del(device, addr, &why);
    return err ? ip_fail(c, why) : 0;
}

int ip_neigh(struct shell *c, const struct ip_options *options, int argc, char **argv)
{
    const char *device = ip_value(argc, argv, "dev");
    if (ip_shows(argc, argv))
        return show(c, device);
    if (ip_word_is(argv[0], "flush")) {
        skiff_neigh_flush(device);
        return 0;
    }
    if (ip_word_is(argv[0], "add") || ip_word_is(argv[0], "replace"))
        return change(c, true, argc - 1, argv + 1);
    if (ip_word_is(argv[0], "delete"))
        return change(c, false, argc - 1, argv + 1);
    return console_usage(c, "ip");
}
