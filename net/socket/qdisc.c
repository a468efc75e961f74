/*
 * qdisc.c - queueing disciplines as a program sees them (skiff/qdisc.h).
 */
#include <skiff/qdisc.h>

#include <errno.h>
#include <string.h>

#include "kernel/task.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"

static void fill_qdisc(struct net_device *dev, struct skiff_qdisc *out)
{
    struct Qdisc *q = dev->qdisc;

    *out = (struct skiff_qdisc){.dropped = q->qstats.drops,
                                .overlimits = q->qstats.overlimits,
                                .requeues = q->qstats.requeues,
                                .backlog_bytes = q->qstats.backlog,
                                .backlog_packets = q->qstats.qlen};
    strlcpy(out->device, dev->name, sizeof(out->device));
    strlcpy(out->kind, dev->no_queue ? "noqueue" : q->ops->id, sizeof(out->kind));
    if (dev->requeued) {
        out->backlog_packets++;
        out->backlog_bytes += dev->requeued->len;
    }
    qdisc_sent(q, &out->sent_packets, &out->sent_bytes);
    if (dev->no_queue)
        return;
    q->ops->dump(q, out->options, sizeof(out->options));
    if (q->ops->dump_stats)
        q->ops->dump_stats(q, out->details, sizeof(out->details));
}

static bool fill_police(const struct net_device *dev, struct skiff_qdisc *out)
{
    struct police_stats stats;

    *out = (struct skiff_qdisc){.kind = "ingress"};
    if (!police_get(dev, &stats, out->options, sizeof(out->options)))
        return false;
    strlcpy(out->device, dev->name, sizeof(out->device));
    out->sent_packets = stats.packets;
    out->sent_bytes = stats.bytes;
    out->dropped = out->overlimits = stats.dropped;
    return true;
}

void qdisc_walk(struct net *net, void (*fn)(const struct skiff_qdisc *qdisc, void *ctx), void *ctx)
{
    struct skiff_qdisc figures;
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        fill_qdisc(dev, &figures);
        fn(&figures, ctx);
        if (fill_police(dev, &figures))
            fn(&figures, ctx);
    }
}

static struct net *my_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

void skiff_qdisc_walk(void (*fn)(const struct skiff_qdisc *qdisc, void *ctx), void *ctx)
{
    struct net *net = my_net();

    if (net)
        qdisc_walk(net, fn, ctx);
}

static int replace(int (*how)(struct net *net, const char *spec, struct qdisc_why *why), const char *spec,
                   char *text, size_t size)
{
    struct net *net = my_net();
    struct qdisc_why why = {.text = ""};
    int err = net ? how(net, spec, &why) : -ENODEV;

    if (size)
        strlcpy(text, why.text, size);
    if (!err)
        return 0;
    errno = -err;
    return -1;
}

int skiff_qdisc_replace(const char *spec, char *why, size_t size)
{
    return replace(qdisc_replace, spec, why, size);
}

int skiff_police_replace(const char *spec, char *why, size_t size)
{
    return replace(police_replace, spec, why, size);
}
