/*
 * shutdown.c - the machine's end, as programs and connections see it (skiff/machine.h, kernel/shutdown.h).
 *
 * Programs that have a farewell to say hold a descriptor; connections get a FIN, and where that is not
 * acknowledged in time, a RST.
 */
#include <skiff/machine.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "kernel/shutdown.h"
#include "kernel/slab.h"
#include "kernel/task.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"

/* --- programs --- */

struct end_watch {
    struct shutdown_client client;
    struct wait_queue_head wait;
    bool begun;
};

static struct end_watch *watch_of(struct shutdown_client *client)
{
    return container_of(client, struct end_watch, client);
}

static void watch_begin(struct shutdown_client *client, enum shutdown_kind kind)
{
    struct end_watch *watch = watch_of(client);

    watch->begun = true;
    wake_up(&watch->wait, POLLIN | POLLRDNORM);
}

/* Its descriptor is still open. */
static bool watch_ended(struct shutdown_client *client)
{
    return false;
}

static uint32_t watch_poll(struct file *file)
{
    return ((struct end_watch *)file->private)->begun ? POLLIN | POLLRDNORM : 0;
}

static struct wait_queue_head *watch_wait_queue(struct file *file)
{
    return &((struct end_watch *)file->private)->wait;
}

static void watch_release(struct file *file)
{
    struct end_watch *watch = file->private;

    shutdown_unregister(&watch->client);
    kfree(watch);
}

static const struct file_operations end_file_ops = {
    .poll = watch_poll,
    .wait_queue = watch_wait_queue,
    .release = watch_release,
};

int sys_end_open(struct files *files, int when)
{
    struct end_watch *watch;

    if (when != SKIFF_END_PROGRAM && when != SKIFF_END_ADDRESS)
        return -EINVAL;
    watch = kzalloc(sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    struct file *file = file_create(&end_file_ops, watch, O_RDONLY);
    if (!file) {
        kfree(watch);
        return -ENOMEM;
    }
    init_waitqueue_head(&watch->wait);
    watch->client = (struct shutdown_client){
        .stage = when == SKIFF_END_PROGRAM ? SHUTDOWN_PROGRAMS : SHUTDOWN_ADDRESSES,
        .begin = watch_begin,
        .ended = watch_ended,
    };
    shutdown_register(&watch->client);
    int fd = fd_install(files, file);
    if (fd < 0)
        file_put(file);
    return fd;
}

int skiff_end_open(enum skiff_end when)
{
    struct task *task = current_task();
    int fd = task && task->files ? sys_end_open(task->files, when) : -ENODEV;

    if (fd >= 0)
        return fd;
    errno = -fd;
    return -1;
}

int skiff_end_is_restart(void)
{
    enum shutdown_kind kind;

    return shutdown_under_way(&kind) && kind == SHUTDOWN_RESTART;
}

/* --- who asks for it --- */

static void __noreturn end(enum shutdown_kind kind)
{
    shutdown_start(kind);
    for (;;)
        task_sleep_ms(1000);
}

void skiff_restart(void)
{
    end(SHUTDOWN_RESTART);
}

void skiff_power_off(void)
{
    end(SHUTDOWN_POWER_OFF);
}

/* --- connections --- */

static struct net *net_of(struct shutdown_client *client)
{
    return container_of(client, struct socket_layer, farewell)->net;
}

static void streams_begin(struct shutdown_client *client, enum shutdown_kind kind)
{
    tcp_end_in_order(net_of(client));
}

static bool streams_ended(struct shutdown_client *client)
{
    return tcp_ended_in_order(net_of(client));
}

static void streams_cut(struct shutdown_client *client)
{
    tcp_end_at_once(net_of(client));
}

void inet_farewell_register(struct net *net)
{
    struct socket_layer *layer = net->sockets;

    layer->net = net;
    layer->farewell = (struct shutdown_client){
        .stage = SHUTDOWN_CONNECTIONS, .begin = streams_begin, .ended = streams_ended, .cut = streams_cut};
    shutdown_register(&layer->farewell);
}
