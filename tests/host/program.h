/*
 * program.h - programs of net/apps under test: begun with their hosts, ended by taking their files away, and
 * nothing left.
 */
#ifndef TESTS_HOST_PROGRAM_H
#define TESTS_HOST_PROGRAM_H

#include <string.h>

#include "kernel/task.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

/* Its task, NULL: it has ended. */
static inline struct task *program_find(const char *name)
{
    for (struct task *task = task_next(NULL); task; task = task_next(task))
        if (!strcmp(task->name, name))
            return task;
    return NULL;
}

/* A program that runs for ever ends when its sockets are gone under it: at once, or with what it waits for.
 */
static inline void program_close_files(struct files *files)
{
    for (int fd = 0; fd < files->size; fd++)
        if (fget(files, fd))
            sys_close(files, fd);
}

/* What is alive in front of a test must be all that is alive behind it. */
static struct {
    size_t objects, pages;
} alive_before;

/* Starts the hosts of a test, and counts without them: the first ones make the object caches. */
static inline void program_hosts_start(void (*start_hosts)(void), void (*stop_hosts)(void))
{
    start_hosts();
    stop_hosts();
    alive_before.objects = host_objects_alive();
    alive_before.pages = host_pages_alive();
    start_hosts();
}

static inline void program_hosts_stop(void (*stop_hosts)(void))
{
    stop_hosts();
    assert_int_equal(host_objects_alive(), alive_before.objects);
    assert_int_equal(host_pages_alive(), alive_before.pages);
}

#endif
