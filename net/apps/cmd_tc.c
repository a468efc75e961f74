/*
 * cmd_tc.c - `tc`: the queues in front of the cards.
 */
#include <inttypes.h>
#include <skiff/qdisc.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

#define TC_SPEC 200

struct tc_walk {
    struct text text;
    const char *device; /* NULL: all */
    bool statistics;
};

static void show(const struct skiff_qdisc *q, void *ctx)
{
    struct tc_walk *walk = ctx;
    if (walk->device && strcmp(walk->device, q->device) != 0)
        return;
    text_printf(&walk->text, "qdisc %s dev %s %s%s\n", q->kind, q->device,
                strcmp(q->kind, "ingress") != 0 ? "root " : "", q->options);
    if (!walk->statistics)
        return;
    text_printf(&walk->text,
                " Sent %" PRIu64 " bytes %" PRIu64 " pkt (dropped %" PRIu64 ", overlimits %" PRIu64
                " requeues %" PRIu64 ")\n backlog %" PRIu64 "b %up\n",
                q->sent_bytes, q->sent_packets, q->dropped, q->overlimits, q->requeues, q->backlog_bytes,
                q->backlog_packets);
    if (q->details[0])
        text_printf(&walk->text, "  %s\n", q->details);
}

static int show_qdiscs(struct shell *c, bool statistics, const char *device)
{
    struct tc_walk walk = {.device = device, .statistics = statistics};
    skiff_qdisc_walk(show, &walk);
    console_show(c, &walk.text);
    return 0;
}

/* "tbf rate 10mbit burst 32k" becomes "eth0:tbf,rate=10mbit,burst=32k". */
static bool make_spec(char *spec, const char *device, int argc, char **argv)
{
    size_t len = (size_t)snprintf(spec, TC_SPEC, "%s:%s", device, argc ? argv[0] : "");
    for (int i = 1; i + 1 < argc && len < TC_SPEC; i += 2)
        len += (size_t)snprintf(spec + len, TC_SPEC - len, ",%s=%s", argv[i], argv[i + 1]);
    return argc && argc % 2 && len < TC_SPEC;
}

/* dev DEVICE [root] KIND [OPTION VALUE] ... */
static int replace(struct shell *c, int argc, char **argv)
{
    char spec[TC_SPEC], why[200] = "";
    if (argc < 3 || strcmp(argv[0], "dev") != 0)
        return console_usage(c, "tc");
    int skip = !strcmp(argv[2], "root") ? 3 : 2;
    if (!make_spec(spec, argv[1], argc - skip, argv + skip))
        return console_usage(c, "tc");
    if (skiff_qdisc_replace(spec, why, sizeof(why)))
        return console_fail(c, "tc", why[0] ? why : NULL);
    return 0;
}

/* dev DEVICE rate RATE [burst BYTES] | dev DEVICE off */
static int police(struct shell *c, int argc, char **argv)
{
    char spec[TC_SPEC], why[200] = "";
    size_t len;
    if (argc < 3 || strcmp(argv[0], "dev") != 0)
        return console_usage(c, "tc");
    len = (size_t)snprintf(spec, sizeof(spec), "%s:", argv[1]);
    for (int i = 2; i < argc && len < sizeof(spec); i += 2)
        len += (size_t)snprintf(spec + len, sizeof(spec) - len, "%s%s%s%s", i > 2 ? "," : "", argv[i],
                                i + 1 < argc ? "=" : "", i + 1 < argc ? argv[i + 1] : "");
    if (len >= sizeof(spec))
        return console_usage(c, "tc");
    if (skiff_police_replace(spec, why, sizeof(why)))
        return console_fail(c, "tc", why[0] ? why : NULL);
    return 0;
}

static int tc(struct shell *c, int argc, char **argv)
{
    bool statistics = argc > 1 && !strcmp(argv[1], "-s");
    argc -= statistics + 1;
    argv += statistics + 1;
    if (!argc)
        return console_usage(c, "tc");
    const char *verb = argc > 1 ? argv[1] : "show";
    if (!strcmp(argv[0], "qdisc") && (!strcmp(verb, "show") || !strcmp(verb, "ls")) &&
        (argc <= 2 || argc == 4))
        return show_qdiscs(c, statistics, argc == 4 ? argv[3] : NULL);
    if (!strcmp(argv[0], "qdisc") && (!strcmp(verb, "replace") || !strcmp(verb, "add")))
        return replace(c, argc - 2, argv + 2);
    if (!strcmp(argv[0], "police"))
        return police(c, argc - 1, argv + 1);
    return console_usage(c, "tc");
}

const struct command tc_command = {
    "tc", "queues in front of the cards",
    "tc [-s] qdisc [show [dev DEVICE]]\n"
    "tc qdisc replace dev DEVICE [root] fq_codel | pfifo_fast | pfifo | bfifo | tbf rate RATE burst BYTES ...\n"
    "tc police dev DEVICE rate RATE [burst BYTES] | off        what comes in faster is dropped",
    tc};
