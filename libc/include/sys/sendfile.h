/*
 * sys/sendfile.h - from a file of the RAM file system into a socket, without a copy.
 */
#ifndef LIBC_SYS_SENDFILE_H
#define LIBC_SYS_SENDFILE_H

#include <sys/types.h>

/* Starts at *offset and moves it; with NULL, at the file's own position. */
ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count);

#endif
