/*
 * netfilter.c - the firewall as a program sees it (skiff/netfilter.h): text in, text out.
 */
#include <skiff/netfilter.h>

#include <errno.h>

#include "kernel/task.h"
#include "net/netfilter/iptables_parse.h"
#include "net/socket/socket.h"

static struct net *netfilter_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

static int netfilter_result(int err)
{
    if (!err)
        return 0;
    errno = -err;
    return -1;
}

int skiff_iptables(const char *line, skiff_out_fn out, void *ctx)
{
    struct net *net = netfilter_net();
    struct xt_text text;

    xt_text_init(&text, out, ctx);
    return netfilter_result(net ? xt_command(net, line, &text) : -ENODEV);
}

int skiff_iptables_save(int counters, skiff_out_fn out, void *ctx)
{
    struct net *net = netfilter_net();
    struct xt_text text;

    if (!net)
        return netfilter_result(-ENODEV);
    xt_text_init(&text, out, ctx);
    xt_print_save(net, counters != 0, &text);
    xt_text_flush(&text);
    return 0;
}

int skiff_iptables_restore(const char *rules, size_t len, skiff_out_fn out, void *ctx)
{
    struct net *net = netfilter_net();
    struct xt_text text;

    xt_text_init(&text, out, ctx);
    return netfilter_result(net ? xt_restore(net, rules, len, &text) : -ENODEV);
}

int skiff_ipset(const char *line, skiff_out_fn out, void *ctx)
{
    struct net *net = netfilter_net();
    struct xt_text text;

    xt_text_init(&text, out, ctx);
    return netfilter_result(net ? ip_set_command(net, line, &text) : -ENODEV);
}
