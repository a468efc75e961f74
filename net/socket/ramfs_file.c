/*
 * ramfs_file.c - descriptors on files of the RAM file system (kernel/ramfs.h): open, read, seek, stat.
 *
 * The file system is what the boot loader left in memory: it can be read and nothing else, so every way of
 * opening for writing ends in EROFS. sendfile.c sends the same bytes without reading them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "kernel/ramfs.h"
#include "net/socket/socket.h"

#define PATH_LEN_MAX 1024 /* no path of an archive is longer (kernel/ramfs.c) */

static const struct ramfs_inode root_inode = {.path = "", .is_dir = true};

/* Appends a component of a path to `out`, which holds *len bytes: 0 or -ENAMETOOLONG. */
static int append_component(char *out, size_t *len, const char *name, size_t name_len)
{
    if (name_len == 1 && name[0] == '.')
        return 0;
    if (name_len == 2 && name[0] == '.' && name[1] == '.') {
        while (*len && out[*len - 1] != '/') /* the root is its own parent */
            (*len)--;
        *len -= *len ? 1 : 0;
        return 0;
    }
    if (name_len + 2 > PATH_LEN_MAX - *len)
        return -ENAMETOOLONG;
    if (*len)
        out[(*len)++] = '/';
    memcpy(out + *len, name, name_len);
    *len += name_len;
    return 0;
}

/* "//www/./x/../a" becomes "www/a". Every path starts at the root: there is no working directory. */
static int path_normalize(const char *path, char out[PATH_LEN_MAX])
{
    size_t len = 0;

    while (*path) {
        size_t name_len = strcspn(path, "/");
        if (name_len) {
            int err = append_component(out, &len, path, name_len);
            if (err)
                return err;
        }
        path += name_len;
        path += *path == '/';
    }
    out[len] = '\0';
    return 0;
}

/* Does a part of the path before its last component name a file? (then -ENOTDIR, not -ENOENT) */
static bool goes_through_file(const struct ramfs *root, char *path)
{
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const struct ramfs_inode *inode = ramfs_lookup(root, path);
        *slash = '/';
        if (inode && !inode->is_dir)
            return true;
    }
    return false;
}

static int path_lookup(struct files *files, const char *path, const struct ramfs_inode **inode)
{
    char normal[PATH_LEN_MAX];
    int err;

    if (!path)
        return -EFAULT;
    if (!*path)
        return -ENOENT;
    err = path_normalize(path, normal);
    if (err)
        return err;
    if (!files->root)
        return -ENOENT;
    *inode = normal[0] ? ramfs_lookup(files->root, normal) : &root_inode;
    if (!*inode)
        return goes_through_file(files->root, normal) ? -ENOTDIR : -ENOENT;
    if (!(*inode)->is_dir && path[strlen(path) - 1] == '/')
        return -ENOTDIR;
    return 0;
}

static int check_open_flags(const struct ramfs_inode *inode, int flags)
{
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (inode->is_dir && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)))
        return -EISDIR;
    if (!inode->is_dir && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
        return -EROFS;
    return 0;
}

int sys_open(struct files *files, const char *path, int flags)
{
    const struct ramfs_inode *inode;
    struct file *file;
    int fd, err = path_lookup(files, path, &inode);

    if (err == -ENOENT && path && *path && (flags & O_CREAT))
        return -EROFS;
    if (!err)
        err = check_open_flags(inode, flags);
    if (err)
        return err;
    file = file_create(&ramfs_file_ops, (void *)inode, flags & O_NONBLOCK);
    if (!file)
        return -ENOMEM;
    fd = fd_install(files, file);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* Copies from `pos` on; behind the end there is nothing. */
static ssize_t read_at(const struct ramfs_inode *inode, off_t pos, struct iov_iter *to)
{
    if (inode->is_dir)
        return -EISDIR;
    if ((size_t)pos >= inode->size)
        return 0;
    return (ssize_t)copy_to_iter(inode->data + pos, min(inode->size - (size_t)pos, to->count), to);
}

static ssize_t ramfs_read(struct file *file, struct iov_iter *to)
{
    ssize_t n = read_at(ramfs_file_inode(file), file->pos, to);

    if (n > 0)
        file->pos += n;
    return n;
}

const struct file_operations ramfs_file_ops = {
    .read = ramfs_read,
};

ssize_t sys_pread(struct files *files, int fd, void *buf, size_t len, off_t offset)
{
    struct iovec iov = {.iov_base = buf, .iov_len = len};
    struct file *file = fget(files, fd);
    struct iov_iter to;
    int err;

    if (offset < 0)
        return -EINVAL;
    if (!file)
        return -EBADF;
    if (file->ops != &ramfs_file_ops)
        return -ESPIPE;
    err = iov_iter_init(&to, &iov, 1);
    return err ? err : read_at(ramfs_file_inode(file), offset, &to);
}

off_t sys_lseek(struct files *files, int fd, off_t offset, int whence)
{
    struct file *file = fget(files, fd);
    off_t base, pos;

    if (!file)
        return -EBADF;
    if (file->ops != &ramfs_file_ops)
        return -ESPIPE;
    if (whence == SEEK_SET)
        base = 0;
    else if (whence == SEEK_CUR)
        base = file->pos;
    else if (whence == SEEK_END)
        base = (off_t)ramfs_file_inode(file)->size;
    else
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &pos))
        return -EOVERFLOW;
    if (pos < 0)
        return -EINVAL;
    file->pos = pos;
    return pos;
}

static void stat_inode(const struct ramfs_inode *inode, struct stat *st)
{
    *st = (struct stat){
        .st_ino = (ino_t)(uintptr_t)inode,
        .st_nlink = 1,
        .st_mode = inode->is_dir ? S_IFDIR | 0555 : S_IFREG | 0444,
        .st_size = (off_t)inode->size,
        .st_blksize = 4096,
        .st_blocks = (blkcnt_t)DIV_ROUND_UP(inode->size, 512),
    };
    st->st_atim.tv_sec = st->st_mtim.tv_sec = st->st_ctim.tv_sec = inode->mtime;
}

int sys_stat(struct files *files, const char *path, struct stat *st)
{
    const struct ramfs_inode *inode;
    int err = path_lookup(files, path, &inode);

    if (err)
        return err;
    if (!st)
        return -EFAULT;
    stat_inode(inode, st);
    return 0;
}

int sys_fstat(struct files *files, int fd, struct stat *st)
{
    struct file *file = fget(files, fd);

    if (!file)
        return -EBADF;
    if (!st)
        return -EFAULT;
    if (file->ops == &ramfs_file_ops) {
        stat_inode(ramfs_file_inode(file), st);
        return 0;
    }
    *st = (struct stat){.st_mode = file->ops == &socket_file_ops ? S_IFSOCK | 0777 : 0600,
                        .st_ino = (ino_t)(uintptr_t)file->private,
                        .st_nlink = 1,
                        .st_blksize = 4096};
    return 0;
}
