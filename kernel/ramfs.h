/*
 * ramfs.h - the files of site.tar, where they lie in memory.
 *
 * The archive (POSIX ustar, uncompressed) is read in place: a file's content is a range of the
 * boot module, so it can be sent by reference. Names are kept in a sorted table; nothing is copied.
 */
#ifndef KERNEL_RAMFS_H
#define KERNEL_RAMFS_H

#include "kernel/types.h"

struct ramfs_inode {
    const char
        *path; /* "www/index.html": no leading slash, no "." or "..", NUL-terminated, owned by the fs */
    const uint8_t *data; /* content, in pages that have a struct page */
    size_t size;
    int64_t mtime; /* seconds since 1970 */
    bool is_dir;
};

struct ramfs; /* sorted inodes */

/**
 * ramfs_mount_tar - read the table of contents of an archive
 * @tar, @len: the archive; must stay (borrowed)
 * @why: on failure, a sentence that says what is wrong and where
 *
 * A damaged archive is taken up to its damage: the file system then holds what came before, and *why is set.
 * Entries that try to leave the root ("..", absolute) are skipped with a warning.
 * Return: the file system, or NULL if not even the first header is a tar header, or without memory.
 */
struct ramfs *ramfs_mount_tar(const void *tar, size_t len, const char **why);
void ramfs_unmount(struct ramfs *fs);

/* By exact path, without a leading slash; "www" and "www/" are the same directory. NULL if absent. */
const struct ramfs_inode *ramfs_lookup(const struct ramfs *fs, const char *path);
size_t ramfs_count(const struct ramfs *fs);
const struct ramfs_inode *ramfs_get(const struct ramfs *fs, size_t index);

#endif
