/*
 * sendfile.c - from a file to a socket by reference: the file's pages hang on the sk_buffs, nothing is
 * copied.
 *
 * The RAM file system keeps a file's content in one piece, so one call of the transport's sendpage() takes
 * all there is room for. A transport without sendpage(), and content that lies in no page the kernel knows,
 * are served by sendmsg(), which copies.
 */
#include <errno.h>
#include <fcntl.h>

#include "kernel/page.h"
#include "kernel/ramfs.h"
#include "net/socket/socket.h"

#define SENDFILE_MAX 0x7ffff000u /* bytes one call moves at most, as on Linux */

static ssize_t send_by_copy(struct file *out, const uint8_t *data, size_t len)
{
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct iov_iter from = {.iov = &iov, .count = len};

    return out->ops->write(out, &from);
}

static ssize_t send_data(struct file *out, const uint8_t *data, size_t len)
{
    struct socket *sock = out->ops == &socket_file_ops ? out->private : NULL;
    struct page *page;

    if (!sock || !sock->sk->sk_prot->sendpage)
        return send_by_copy(out, data, len);
    page = virt_to_page(data);
    if (!page)
        return send_by_copy(out, data, len);
    return sock->sk->sk_prot->sendpage(sock->sk, page, (uintptr_t)data % PAGE_SIZE, len,
                                       out->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

ssize_t sys_sendfile(struct files *files, int out_fd, int in_fd, off_t *offset, size_t count)
{
    struct file *in = fget(files, in_fd), *out = fget(files, out_fd);
    const struct ramfs_inode *inode;
    off_t *pos;
    ssize_t sent;

    if (!in || !out)
        return -EBADF;
    if (in->ops != &ramfs_file_ops || !out->ops->write)
        return -EINVAL;
    inode = ramfs_file_inode(in);
    pos = offset ? offset : &in->pos;
    if (*pos < 0 || inode->is_dir)
        return -EINVAL;
    if ((size_t)*pos >= inode->size || !count)
        return 0;
    count = min(count, inode->size - (size_t)*pos);
    count = min(count, (size_t)SENDFILE_MAX);

    file_hold(in);
    file_hold(out);
    sent = send_data(out, inode->data + *pos, count);
    if (sent > 0)
        *pos += sent;
    file_put(out);
    file_put(in);
    return sent;
}
