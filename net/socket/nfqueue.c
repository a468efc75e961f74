/*
 * nfqueue.c - a queue of packets as a descriptor (skiff/nfqueue.h): read() gives them, write() judges them.
 */
#include <skiff/nfqueue.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "kernel/task.h"
#include "net/netfilter/nf_queue.h"
#include "net/socket/socket.h"

_Static_assert(SKIFF_NFQUEUE_DROP == NF_DROP && SKIFF_NFQUEUE_ACCEPT == NF_ACCEPT &&
                   SKIFF_NFQUEUE_QUEUE == NF_QUEUE && SKIFF_NFQUEUE_REPEAT == NF_REPEAT,
               "the same verdicts");
_Static_assert(SKIFF_NFQUEUE_PREROUTING == NF_INET_PRE_ROUTING && SKIFF_NFQUEUE_INPUT == NF_INET_LOCAL_IN &&
                   SKIFF_NFQUEUE_FORWARD == NF_INET_FORWARD && SKIFF_NFQUEUE_OUTPUT == NF_INET_LOCAL_OUT &&
                   SKIFF_NFQUEUE_POSTROUTING == NF_INET_POST_ROUTING,
               "the same hook points");

static void show_packet(struct skiff_nfqueue_packet *to, const struct nf_queue_entry *entry)
{
    const struct sk_buff *skb = entry->skb;

    *to = (struct skiff_nfqueue_packet){.id = entry->id,
                                        .len = skb->len,
                                        .mark = skb->mark,
                                        .segments = (uint16_t)skb_segs(skb),
                                        .hook = (uint8_t)entry->state.hook};
    if (skb->ip_summed == CHECKSUM_PARTIAL || skb_shinfo(skb)->gso_size)
        to->flags = SKIFF_NFQUEUE_CSUM_LATER;
    if (entry->state.in)
        strlcpy(to->in, entry->state.in->name, sizeof(to->in));
    if (entry->state.out)
        strlcpy(to->out, entry->state.out->name, sizeof(to->out));
}

static ssize_t nfqueue_read(struct file *file, struct iov_iter *to)
{
    struct nf_queue *queue = file->private;
    struct skiff_nfqueue_packet head;
    struct nf_queue_entry *entry;

    if (to->count < sizeof(head))
        return -EINVAL;
    while (!(entry = nf_queue_peek(queue))) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (!wait_on(&queue->wait, WAIT_FOREVER))
            return -EIO; /* a caller that cannot sleep */
    }
    show_packet(&head, entry);
    nf_queue_give(queue, entry);
    copy_to_iter(&head, sizeof(head), to);
    return (ssize_t)(sizeof(head) + skb_copy_datagram_iter(entry->skb, 0, to, min(to->count, head.len)));
}

static int judge(struct nf_queue *queue, const struct skiff_nfqueue_verdict *v)
{
    const struct nf_queue_answer answer = {.id = v->id,
                                           .verdict = (enum nf_verdict)v->verdict,
                                           .number = v->queue,
                                           .set_mark = v->flags & SKIFF_NFQUEUE_SET_MARK,
                                           .mark = v->mark};

    return v->flags & ~SKIFF_NFQUEUE_SET_MARK ? -EINVAL : nf_queue_verdict(queue, &answer);
}

static ssize_t nfqueue_write(struct file *file, struct iov_iter *from)
{
    struct skiff_nfqueue_verdict v;
    ssize_t done = 0;

    if (from->count % sizeof(v))
        return -EINVAL;
    while (copy_from_iter(&v, sizeof(v), from)) {
        int err = judge(file->private, &v);
        if (err)
            return done ? done : err;
        done += (ssize_t)sizeof(v);
    }
    return done;
}

static uint32_t nfqueue_poll(struct file *file)
{
    return (nf_queue_peek(file->private) ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
}

static struct wait_queue_head *nfqueue_wait_queue(struct file *file)
{
    return &((struct nf_queue *)file->private)->wait;
}

static void nfqueue_release(struct file *file)
{
    nf_queue_close(file->private);
}

static const struct file_operations nfqueue_file_ops = {
    .read = nfqueue_read,
    .write = nfqueue_write,
    .poll = nfqueue_poll,
    .wait_queue = nfqueue_wait_queue,
    .release = nfqueue_release,
};

int sys_nfqueue(struct files *files, uint16_t number, unsigned maxlen, int flags)
{
    struct nf_queue *queue;
    struct file *file;
    int err = flags & ~O_NONBLOCK ? -EINVAL : 0, fd;

    if (!err)
        err = nf_queue_open(files->net, number, maxlen ? maxlen : NF_QUEUE_PACKETS, &queue);
    if (err)
        return err;
    file = file_create(&nfqueue_file_ops, queue, O_RDWR | flags);
    if (!file) {
        nf_queue_close(queue);
        return -ENOMEM;
    }
    fd = fd_install(files, file);
    if (fd < 0)
        file_put(file);
    return fd;
}

int skiff_nfqueue_open(uint16_t queue, unsigned maxlen, int flags)
{
    struct task *task = current_task();
    int fd = task && task->files ? sys_nfqueue(task->files, queue, maxlen, flags) : -ENODEV;

    if (fd >= 0)
        return fd;
    errno = -fd;
    return -1;
}
