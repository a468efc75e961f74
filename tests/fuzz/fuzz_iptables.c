/*
 * fuzz_iptables.c - any bytes as a rule file, as a command of iptables, as a command of ipset; then a packet
 * meets what came of it. Whatever was accepted must be saved as a text that gives the same again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/netfilter/ip_set.h"
#include "net/netfilter/iptables_parse.h"
#include "tests/host/testnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct memo {
    size_t len;
    char text[1 << 20];
};

static void remember(const char *text, size_t len, void *ctx)
{
    struct memo *m = ctx;

    if (len > sizeof(m->text) - m->len)
        abort();
    memcpy(m->text + m->len, text, len);
    m->len += len;
}

static void ignore(const char *text, size_t len, void *ctx)
{
}

static struct xt_text *nowhere(struct xt_text *text)
{
    xt_text_init(text, ignore, NULL);
    return text;
}

static struct xt_text *into(struct xt_text *text, struct memo *m)
{
    m->len = 0;
    xt_text_init(text, remember, m);
    return text;
}

static void save_into(struct net *net, struct memo *m)
{
    struct xt_text text;

    xt_print_save(net, true, into(&text, m));
    xt_text_flush(&text);
}

static void check_round_trip(struct net *net)
{
    static struct memo first, second;
    struct xt_text text;

    save_into(net, &first);
    if (xt_restore(net, first.text, first.len, into(&text, &second)))
        abort();
    save_into(net, &second);
    if (first.len != second.len || memcmp(first.text, second.text, first.len))
        abort();
}

static void each_line(struct testnet *t, const char *bytes, size_t len)
{
    struct xt_text text;
    char *copy = malloc(len + 1), *rest = copy, *line;

    memcpy(copy, bytes, len);
    copy[len] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        xt_command(t->net, line, nowhere(&text));
        ip_set_command(t->net, line, nowhere(&text));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct testnet *t;
    static const char empty[] = "*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n";
    struct testnet_ip ip = {.saddr = 0};
    struct xt_text text;
    uint8_t frame[100];

    if (!t)
        t = testnet_create("10.0.0.1/24");
    xt_restore(t->net, (const char *)data, len, nowhere(&text));
    each_line(t, (const char *)data, len);
    check_round_trip(t->net);
    testnet_inject(t, frame, testnet_build_udp(t, frame, &ip, 53, 53, "x", 1));
    testnet_drop_sent(t);
    if (xt_restore(t->net, empty, sizeof(empty) - 1, nowhere(&text)) ||
        ip_set_command(t->net, "destroy", nowhere(&text)))
        abort();
    return 0;
}
