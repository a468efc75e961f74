/*
 * epoll.c - readiness of many descriptors, at a cost that depends on what happens, not on how many there are.
 *
 *     a segment arrives -> sk_data_ready -> wake_up(&sk->sk_wq, POLLIN)
 *         -> epitem_woken(): the item goes onto the set's ready list, whoever sleeps in epoll_wait() wakes
 *             -> epoll_send_events(): asks each ready item what holds now, and hands that to the application
 *
 * Level-triggered items that were reported go back onto the ready list and are asked again by the next
 * epoll_wait(); edge-triggered ones (EPOLLET) come back only with the next wake-up; EPOLLONESHOT ones are
 * silent until EPOLL_CTL_MOD. A set may be watched by another set, one level deep.
 *
 * An item hangs on its file (to be found by epoll_ctl() and forgotten with the file's last reference), on its
 * set (to go with it) and on the wait queue of what it watches.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "kernel/slab.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/socket/socket.h"

#define EPOLL_PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EPOLL_EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define EPOLL_ROUNDS_MAX   16 /* times epoll_wait() returns events without letting anybody else run */

struct eventpoll {
    struct file file;
    struct list_head ready; /* epitem.ready_link */
    struct list_head items; /* epitem.ep_link */
    struct wait_queue_head wq;
    unsigned sets; /* items that are epoll sets themselves */
    unsigned rounds;
};

struct epitem {
    struct wait_queue_entry wait;
    struct list_head ready_link; /* alone while not ready */
    struct list_head ep_link, file_link;
    struct eventpoll *ep;
    struct file *file; /* not counted: the file's end takes the item along */
    int fd;
    uint32_t events; /* EPOLLERR and EPOLLHUP always among them; only private bits: silent (EPOLLONESHOT) */
    epoll_data_t data;
};

static uint32_t epitem_poll(const struct epitem *item)
{
    return item->file->ops->poll(item->file) & item->events;
}

static void epitem_make_ready(struct epitem *item)
{
    struct eventpoll *ep = item->ep;

    if (list_empty(&item->ready_link))
        list_add_tail(&item->ready_link, &ep->ready);
    if (waitqueue_active(&ep->wq))
        wake_up(&ep->wq, POLLIN | POLLRDNORM);
}

static void epitem_woken(struct wait_queue_entry *self, uint32_t key)
{
    struct epitem *item = container_of(self, struct epitem, wait);

    if (!key || (key & item->events))
        epitem_make_ready(item);
}

static void epitem_free(struct epitem *item)
{
    remove_wait_queue(&item->wait);
    list_del_init(&item->ready_link);
    list_del_init(&item->ep_link);
    list_del_init(&item->file_link);
    if (item->file->ops == &eventpoll_file_ops)
        item->ep->sets--;
    kfree(item);
}

void eventpoll_forget_file(struct file *file)
{
    while (!list_empty(&file->epitems))
        epitem_free(list_first_entry(&file->epitems, struct epitem, file_link));
}

static void eventpoll_release(struct file *file)
{
    struct eventpoll *ep = file->private;

    while (!list_empty(&ep->items))
        epitem_free(list_first_entry(&ep->items, struct epitem, ep_link));
    kfree(ep);
}

/* For a set that is watched itself: readable while an item of it has something to say. */
static uint32_t eventpoll_poll(struct file *file)
{
    struct eventpoll *ep = file->private;

    while (!list_empty(&ep->ready)) {
        struct epitem *item = list_first_entry(&ep->ready, struct epitem, ready_link);
        if (epitem_poll(item))
            return POLLIN | POLLRDNORM;
        list_del_init(&item->ready_link);
    }
    return 0;
}

static struct wait_queue_head *eventpoll_wait_queue(struct file *file)
{
    return &((struct eventpoll *)file->private)->wq;
}

const struct file_operations eventpoll_file_ops = {
    .poll = eventpoll_poll,
    .wait_queue = eventpoll_wait_queue,
    .release = eventpoll_release,
};

int sys_epoll_create1(struct files *files, int flags)
{
    struct eventpoll *ep;
    int fd;

    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    ep = kzalloc(sizeof(*ep));
    if (!ep)
        return -ENOMEM;
    file_init(&ep->file, &eventpoll_file_ops, ep, 0);
    INIT_LIST_HEAD(&ep->ready);
    INIT_LIST_HEAD(&ep->items);
    init_waitqueue_head(&ep->wq);
    fd = fd_install(files, &ep->file);
    if (fd < 0)
        file_put(&ep->file);
    return fd;
}

/* --- epoll_ctl --- */

/* A file is rarely on more than one list, so its own list is the shortest way to the item. */
static struct epitem *epitem_find(struct eventpoll *ep, struct file *file, int fd)
{
    struct epitem *item;

    list_for_each_entry (item, &file->epitems, file_link) {
        if (item->ep == ep && item->fd == fd)
            return item;
    }
    return NULL;
}

static int epitem_add(struct eventpoll *ep, struct file *file, int fd, const struct epoll_event *event)
{
    struct epitem *item = kmalloc(sizeof(*item));

    if (!item)
        return -ENOMEM;
    *item = (struct epitem){.wait.func = epitem_woken,
                            .ep = ep,
                            .file = file,
                            .fd = fd,
                            .events = event->events | EPOLLERR | EPOLLHUP,
                            .data = event->data};
    INIT_LIST_HEAD(&item->ready_link);
    list_add_tail(&item->ep_link, &ep->items);
    list_add_tail(&item->file_link, &file->epitems);
    add_wait_queue(file->ops->wait_queue(file), &item->wait);
    if (file->ops == &eventpoll_file_ops)
        ep->sets++;
    if (epitem_poll(item))
        epitem_make_ready(item);
    return 0;
}

/* New interest, or an EPOLLONESHOT item armed again: what holds already is an event, also for EPOLLET. */
static int epitem_modify(struct epitem *item, const struct epoll_event *event)
{
    if ((item->events | event->events) & EPOLLEXCLUSIVE)
        return -EINVAL;
    item->events = event->events | EPOLLERR | EPOLLHUP;
    item->data = event->data;
    if (epitem_poll(item))
        epitem_make_ready(item);
    return 0;
}

/* EPOLLEXCLUSIVE goes with few other bits, and not with a set as its target (epoll_ctl(2)). */
static bool exclusive_is_misused(const struct file *target, int op, const struct epoll_event *event)
{
    if (op == EPOLL_CTL_DEL || !(event->events & EPOLLEXCLUSIVE))
        return false;
    return op == EPOLL_CTL_MOD || target->ops == &eventpoll_file_ops ||
           (event->events & ~(uint32_t)EPOLL_EXCLUSIVE_OK);
}

/* A set in a set in a set, or in itself by a detour. */
static bool nests_too_deep(const struct eventpoll *ep, const struct file *target)
{
    if (target->ops != &eventpoll_file_ops)
        return false;
    return ((const struct eventpoll *)target->private)->sets || !list_empty(&ep->file.epitems);
}

int sys_epoll_ctl(struct files *files, int epfd, int op, int fd, struct epoll_event *event)
{
    struct file *epfile = fget(files, epfd), *target = fget(files, fd);
    struct eventpoll *ep;
    struct epitem *item;

    if (op != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    if (!epfile || !target)
        return -EBADF;
    if (!target->ops->poll || !target->ops->wait_queue)
        return -EPERM;
    if (epfile == target || epfile->ops != &eventpoll_file_ops || exclusive_is_misused(target, op, event))
        return -EINVAL;
    ep = epfile->private;
    if (op == EPOLL_CTL_ADD && nests_too_deep(ep, target))
        return -ELOOP;
    item = epitem_find(ep, target, fd);
    switch (op) {
    case EPOLL_CTL_ADD:
        return item ? -EEXIST : epitem_add(ep, target, fd, event);
    case EPOLL_CTL_MOD:
        return item ? epitem_modify(item, event) : -ENOENT;
    case EPOLL_CTL_DEL:
        if (!item)
            return -ENOENT;
        epitem_free(item);
        return 0;
    }
    return -EINVAL;
}

/* --- epoll_wait --- */

/*
 * Hands up to `max` events over. Items that are ready no more leave the list here; that is how a
 * level-triggered one ends. What did not fit stays in front, so that no item is overtaken for ever.
 */
static int epoll_send_events(struct eventpoll *ep, struct epoll_event *events, int max)
{
    struct list_head round = LIST_HEAD_INIT(round);
    int sent = 0;

    list_splice_tail_init(&ep->ready, &round);
    while (sent < max && !list_empty(&round)) {
        struct epitem *item = list_first_entry(&round, struct epitem, ready_link);
        uint32_t revents = epitem_poll(item);

        list_del_init(&item->ready_link);
        if (!revents)
            continue;
        events[sent].events = revents;
        events[sent].data = item->data;
        sent++;
        if (item->events & EPOLLONESHOT)
            item->events &= EPOLL_PRIVATE_BITS;
        else if (!(item->events & EPOLLET))
            list_add_tail(&item->ready_link, &ep->ready);
    }
    list_splice_tail_init(&ep->ready, &round);
    list_splice_tail_init(&round, &ep->ready);
    return sent;
}

static int epoll_try(struct eventpoll *ep, struct epoll_event *events, int max)
{
    return list_empty(&ep->ready) ? 0 : epoll_send_events(ep, events, max);
}

static int epoll_sleep(struct eventpoll *ep, struct epoll_event *events, int max, int timeout_ms)
{
    uint64_t deadline_ms = timeout_ms < 0 ? WAIT_FOREVER : ktime_get_ms() + (unsigned)timeout_ms;
    int sent;

    file_hold(&ep->file);
    do {
        bool in_time = wait_event_until(&ep->wq, !list_empty(&ep->ready), deadline_ms);
        sent = epoll_try(ep, events, max);
        if (!in_time)
            break;
    } while (!sent);
    file_put(&ep->file);
    return sent;
}

/*
 * A caller that always finds something, or never waits for it, would keep packets and timers from being
 * looked at: tasks are cooperative. So it lets the others run now and then.
 */
static void epoll_be_fair(struct eventpoll *ep)
{
    ep->rounds = 0;
    if (!current_task())
        return;
    file_hold(&ep->file);
    task_yield();
    file_put(&ep->file);
}

int sys_epoll_wait(struct files *files, int epfd, struct epoll_event *events, int maxevents, int timeout_ms)
{
    struct file *file = fget(files, epfd);
    struct eventpoll *ep;
    int sent;

    if (maxevents <= 0)
        return -EINVAL;
    if (!events)
        return -EFAULT;
    if (!file)
        return -EBADF;
    if (file->ops != &eventpoll_file_ops)
        return -EINVAL;
    ep = file->private;
    sent = epoll_try(ep, events, maxevents);
    if (sent && ++ep->rounds < EPOLL_ROUNDS_MAX)
        return sent;
    if (sent || !timeout_ms) {
        epoll_be_fair(ep);
        return sent;
    }
    ep->rounds = 0;
    return epoll_sleep(ep, events, maxevents, timeout_ms);
}
