/*
 * poll.c - poll(): wait until one of several descriptors is ready.
 *
 * Each descriptor is asked once; if none is ready, an entry goes onto every wait queue, the task sleeps, and
 * all are asked again. For many descriptors epoll.c is the better call.
 */
#include <errno.h>
#include <poll.h>

#include "kernel/slab.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/socket/socket.h"

#define POLL_ALWAYS   (POLLERR | POLLHUP | POLLNVAL) /* reported whether asked for or not */
#define POLL_ON_STACK 8                              /* entries that need no allocation */

struct poll_table;

struct poll_entry {
    struct wait_queue_entry wait;
    struct file *file; /* held while the task sleeps */
    struct poll_table *table;
    uint32_t events;
};

/* One sleeping poll(). */
struct poll_table {
    struct wait_queue_head wq;
    bool triggered;
    struct poll_entry *entries;
    size_t used;
};

static uint32_t file_poll(struct file *file)
{
    return file->ops->poll ? file->ops->poll(file) : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

/* Asks every descriptor: how many have something to say. */
static int poll_once(struct files *files, struct pollfd *fds, nfds_t count)
{
    int ready = 0;

    for (nfds_t i = 0; i < count; i++) {
        struct file *file;
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        file = fget(files, fds[i].fd);
        fds[i].revents = (short)(file ? file_poll(file) & ((uint16_t)fds[i].events | POLL_ALWAYS) : POLLNVAL);
        ready += fds[i].revents != 0;
    }
    return ready;
}

static void poll_woken(struct wait_queue_entry *self, uint32_t key)
{
    struct poll_entry *entry = container_of(self, struct poll_entry, wait);

    if (key && !(key & entry->events))
        return;
    entry->table->triggered = true;
    wake_up(&entry->table->wq, 0);
}

static void poll_register(struct poll_table *table, struct files *files, const struct pollfd *fds,
                          nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        struct poll_entry *entry = &table->entries[table->used];
        struct file *file = fds[i].fd < 0 ? NULL : fget(files, fds[i].fd);
        if (!file || !file->ops->wait_queue)
            continue;
        *entry = (struct poll_entry){.wait.func = poll_woken,
                                     .file = file,
                                     .table = table,
                                     .events = (uint16_t)fds[i].events | POLL_ALWAYS};
        file_hold(file);
        add_wait_queue(file->ops->wait_queue(file), &entry->wait);
        table->used++;
    }
}

static void poll_unregister(struct poll_table *table)
{
    for (size_t i = 0; i < table->used; i++)
        remove_wait_queue(&table->entries[i].wait);
    for (size_t i = 0; i < table->used; i++)
        file_put(table->entries[i].file);
}

static int poll_sleep(struct poll_table *table, struct files *files, struct pollfd *fds, nfds_t count,
                      uint64_t deadline_ms)
{
    int ready;

    init_waitqueue_head(&table->wq);
    poll_register(table, files, fds, count);
    do {
        bool in_time = wait_event_until(&table->wq, table->triggered, deadline_ms);
        table->triggered = false;
        ready = poll_once(files, fds, count);
        if (!in_time)
            break;
    } while (!ready);
    poll_unregister(table);
    return ready;
}

/* Nothing is ready and the caller does not want to wait: whatever could change that gets a chance to run. */
static int poll_again(struct files *files, struct pollfd *fds, nfds_t count)
{
    if (!current_task())
        return 0;
    task_yield();
    return poll_once(files, fds, count);
}

int sys_poll(struct files *files, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct poll_entry on_stack[POLL_ON_STACK];
    struct poll_table table = {.entries = on_stack};
    uint64_t deadline_ms = timeout_ms < 0 ? WAIT_FOREVER : ktime_get_ms() + (unsigned)timeout_ms;
    int ready;

    if (count > FILES_MAX)
        return -EINVAL;
    if (count && !fds)
        return -EFAULT;
    ready = poll_once(files, fds, count);
    if (ready)
        return ready;
    if (!timeout_ms)
        return poll_again(files, fds, count);
    if (count > POLL_ON_STACK) {
        table.entries = kcalloc(count, sizeof(*table.entries));
        if (!table.entries)
            return -ENOMEM;
    }
    ready = poll_sleep(&table, files, fds, count, deadline_ms);
    if (table.entries != on_stack)
        kfree(table.entries);
    return ready;
}
