/*
 * fuzz_tar.c - any bytes as site.tar. A coverage-guided fuzzer cannot guess checksums, so the first pass
 * repairs that of every block that looks like a header; a second pass takes the bytes as they are.
 */
#include "kernel/ramfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What must hold of any file system, whatever it was read from. */
static void check(const struct ramfs *fs, const uint8_t *tar, size_t len)
{
    for (size_t i = 0; i < ramfs_count(fs); i++) {
        const struct ramfs_inode *inode = ramfs_get(fs, i);
        if (!*inode->path || *inode->path == '/' || ramfs_lookup(fs, inode->path) != inode)
            abort();
        if (i && strcmp(ramfs_get(fs, i - 1)->path, inode->path) >= 0)
            abort();
        if (!inode->size)
            continue;
        if (inode->is_dir || inode->data < tar || inode->size > len - (size_t)(inode->data - tar))
            abort();
        const volatile uint8_t *bytes = inode->data; /* so that the reads happen */
        (void)bytes[0];
        (void)bytes[inode->size - 1];
    }
}

static void mount_and_check(const uint8_t *tar, size_t len)
{
    const char *why;
    struct ramfs *fs = ramfs_mount_tar(tar, len, &why);

    if (!fs && !why)
        abort();
    if (fs)
        check(fs, tar, len);
    ramfs_unmount(fs);
}

static void repair_checksums(uint8_t *tar, size_t len)
{
    for (size_t at = 0; at + 512 <= len; at += 512) {
        unsigned sum = 0;
        if (memcmp(tar + at + 257, "ustar", 5))
            continue;
        memset(tar + at + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
            sum += tar[at + (size_t)i];
        snprintf((char *)tar + at + 148, 8, "%06o", sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    mount_and_check(copy, len);
    repair_checksums(copy, len);
    mount_and_check(copy, len);
    free(copy);
    return 0;
}
