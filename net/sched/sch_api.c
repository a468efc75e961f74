/*
 * sch_api.c - which discipline a device has: by default, by the command line, by a program's wish.
 *
 * A card gets net.core.default_qdisc when it comes up for the first time; devices that only pass packets on
 * (no_queue) get none. What somebody has chosen stays until he chooses again or the device goes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "net/sched/sched.h"

/* net->sched */
struct netns_sched {
    const struct Qdisc_ops *default_ops;
    struct netdev_notifier notifier;
    struct sysctl_entry entries[2];
    struct sysctl_table table;
};

static const struct Qdisc_ops *const kinds[] = {&fq_codel_ops, &pfifo_fast_ops, &tbf_ops, &pfifo_ops,
                                                &bfifo_ops};

const struct Qdisc_ops *qdisc_lookup_ops(const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i]->id, id))
            return kinds[i];
    }
    return NULL;
}

struct Qdisc *qdisc_create(struct net_device *dev, const char *kind, const char *options,
                           struct qdisc_why *why, int *err)
{
    const struct Qdisc_ops *ops = qdisc_lookup_ops(kind);
    struct Qdisc *q;

    if (!ops) {
        snprintf(why->text, sizeof(why->text),
                 "there is no queueing discipline \"%s\"; there are fq_codel, pfifo_fast, tbf, pfifo, bfifo",
                 kind);
        *err = -EINVAL;
        return NULL;
    }
    q = qdisc_alloc(dev, ops);
    if (!q) {
        snprintf(why->text, sizeof(why->text), "%s: no memory", kind);
        *err = -ENOMEM;
        return NULL;
    }
    *err = ops->init(q, options, why);
    if (!*err)
        return q;
    qdisc_free(q);
    return NULL;
}

/* --- by wish --- */

/* The device in front of the colon. *rest: behind it. NULL, and a sentence. */
static struct net_device *spec_device(struct net *net, const char *spec, const char *example,
                                      const char **rest, struct qdisc_why *why, int *err)
{
    size_t len = strcspn(spec, ":");
    char name[IFNAMSIZ];
    struct net_device *dev = NULL;

    *err = -EINVAL;
    if (!spec[len] || !len || len >= sizeof(name)) {
        snprintf(why->text, sizeof(why->text), "it starts with a device and a colon: %s", example);
        return NULL;
    }
    memcpy(name, spec, len);
    name[len] = '\0';
    *rest = spec + len + 1;
    dev = dev_get_by_name(net, name);
    if (!dev) {
        *err = -ENODEV;
        snprintf(why->text, sizeof(why->text), "there is no device %s", name);
    }
    return dev;
}

int qdisc_replace(struct net *net, const char *spec, struct qdisc_why *why)
{
    char kind[QDISC_WORD_MAX];
    const char *rest;
    struct Qdisc *q;
    int err;
    struct net_device *dev = spec_device(net, spec, "eth0:fq_codel", &rest, why, &err);

    if (!dev)
        return err;
    size_t len = strcspn(rest, ",");
    strlcpy(kind, rest, min(len + 1, sizeof(kind)));
    if (dev->no_queue) {
        snprintf(why->text, sizeof(why->text), "%s passes packets on at once: nothing would ever wait in %s",
                 dev->name, kind);
        return -EINVAL;
    }
    q = qdisc_create(dev, kind, rest + len + (rest[len] == ','), why, &err);
    if (!q)
        return err;
    dev_set_qdisc(dev, q);
    return 0;
}

int police_replace(struct net *net, const char *spec, struct qdisc_why *why)
{
    const char *rest;
    int err;
    struct net_device *dev = spec_device(net, spec, "eth0:rate=50mbit,burst=128k", &rest, why, &err);

    return dev ? police_set(dev, rest, why) : err;
}

static void configure_word(struct net *net, const char *word,
                           int (*replace)(struct net *net, const char *spec, struct qdisc_why *why))
{
    struct qdisc_why why;
    const char *spec;

    for (unsigned n = 0; (spec = cmdline_get_nth(word, n)); n++) {
        if (replace(net, spec, &why))
            pr_err("command line: %s=%s: %s", word, spec, why.text);
    }
}

void sched_configure(struct net *net)
{
    configure_word(net, "qdisc", qdisc_replace);
    configure_word(net, "police", police_replace);
}

/* --- by default --- */

/* Without memory the card keeps the fifo it was born with. */
static void attach_default(struct net_device *dev)
{
    struct qdisc_why why;
    struct Qdisc *q;
    int err;

    if (dev->qdisc != dev->qdisc_born || dev->no_queue || !dev->tx_queue_len)
        return;
    q = qdisc_create(dev, dev->net->sched->default_ops->id, "", &why, &err);
    if (q)
        dev_set_qdisc(dev, q);
    else
        pr_warn("%s: %s; its queue is a plain fifo", dev->name, why.text);
}

static void detach(struct net_device *dev)
{
    struct qdisc_why why;

    dev_set_qdisc(dev, NULL);
    police_set(dev, "off", &why);
}

static void sched_notify(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                         struct in_ifaddr *ifa)
{
    switch (event) {
    case NETDEV_UP:
        attach_default(dev);
        break;
    case NETDEV_UNREGISTER:
        detach(dev);
        break;
    case NETDEV_REGISTER:
    case NETDEV_DOWN:
    case NETDEV_CHANGE:
    case NETDEV_ADDR_ADD:
    case NETDEV_ADDR_DEL:
        break;
    }
}

static int set_default_qdisc(struct net *net, const char *value)
{
    const struct Qdisc_ops *ops = qdisc_lookup_ops(value);

    if (!ops || ops == &tbf_ops) /* needs a rate */
        return -EINVAL;
    net->sched->default_ops = ops;
    return 0;
}

static int get_default_qdisc(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%s", net->sched->default_ops->id);
}

int sched_init(struct net *net)
{
    static const struct sysctl_text default_qdisc = {.set = set_default_qdisc, .get = get_default_qdisc};
    struct netns_sched *sched = kzalloc(sizeof(*sched));

    if (!sched)
        return -ENOMEM;
    net->sched = sched;
    sched->default_ops = &fq_codel_ops;
    sched->entries[0] =
        (struct sysctl_entry){"net.core.default_qdisc", (void *)&default_qdisc, SYSCTL_TEXT, 0, 0};
    register_sysctl(net, &sched->table, sched->entries);
    sched->notifier.call = sched_notify;
    register_netdev_notifier(net, &sched->notifier);
    return 0;
}

void sched_exit(struct net *net)
{
    struct netns_sched *sched = net->sched;
    struct net_device *dev;

    unregister_netdev_notifier(&sched->notifier);
    list_for_each_entry (dev, &net->dev_base, dev_list)
        detach(dev);
    unregister_sysctl(&sched->table);
    kfree(sched);
    net->sched = NULL;
}
