/*
 * machine.c - what a program asks about the machine itself (skiff/machine.h).
 */
#include <skiff/machine.h>

#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/report.h"
#include "kernel/task.h"
#include "kernel/tty.h"

long skiff_log_read(uint64_t *pos, int *level, char *buf, size_t size)
{
    enum log_level at = LOG_INFO;
    long len = log_read(pos, &at, buf, size);

    *level = (int)at;
    return len;
}

static char task_letter(enum task_state state)
{
    switch (state) {
    case TASK_READY:
    case TASK_RUNNING:
        return 'R';
    case TASK_WAITING:
        return 'S';
    case TASK_DEAD:
        return 'Z';
    }
    return '?';
}

size_t skiff_task_list(struct skiff_task *tasks, size_t max, size_t skip)
{
    size_t n = 0;

    for (struct task *task = task_next(NULL); task && n < max; task = task_next(task)) {
        if (skip) {
            skip--;
            continue;
        }
        tasks[n].state = task_letter(task->state);
        tasks[n].cpu_ns = task->cpu_ns;
        strlcpy(tasks[n].name, task->name, sizeof(tasks[n].name));
        n++;
    }
    return n;
}

int skiff_report(const char *name, void (*line)(const char *text, void *ctx), void *ctx)
{
    const struct report *report = report_find(name);

    if (!report) {
        errno = ENOENT;
        return -1;
    }
    report->write(line, ctx);
    return 0;
}

void skiff_sign(const char *large, const char *small)
{
    tty_set_sign(large, small);
}
