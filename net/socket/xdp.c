/*
 * xdp.c - the early hooks of the cards as a program sees them (skiff/xdp.h).
 */
#include <skiff/xdp.h>

#include <errno.h>
#include <string.h>

#include "kernel/task.h"
#include "net/core/xdp.h"
#include "net/socket/socket.h"

void xdp_walk(struct net *net, void (*fn)(const struct skiff_xdp *xdp, void *ctx), void *ctx)
{
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        const struct netdev_xdp *xdp = dev->xdp;
        if (!xdp)
            continue;
        struct skiff_xdp out = {.instructions = xdp->prog->len,
                                .passed = xdp->passed,
                                .dropped = xdp->dropped,
                                .bounced = xdp->bounced,
                                .bounce_failed = xdp->bounce_failed};
        strlcpy(out.device, dev->name, sizeof(out.device));
        fn(&out, ctx);
    }
}

static struct net *my_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

void skiff_xdp_walk(void (*fn)(const struct skiff_xdp *xdp, void *ctx), void *ctx)
{
    struct net *net = my_net();

    if (net)
        xdp_walk(net, fn, ctx);
}

int skiff_xdp_replace(const char *spec, char *why, size_t size)
{
    struct net *net = my_net();
    char text[XDP_WHY_MAX] = "";
    int err = net ? xdp_replace(net, spec, text) : -ENODEV;

    if (size)
        strlcpy(why, text, size);
    if (!err)
        return 0;
    errno = -err;
    return -1;
}
