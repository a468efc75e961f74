/*
 * report.h - what a room below the stack can tell people in lines of text: the devices on a bus, say.
 *
 * The room registers it under a name; programs ask for it by that name (skiff/machine.h).
 */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include "kernel/list.h"

struct report {
    struct list_head list;
    const char *name;
    /* One call of line() for each, without a newline; the text is valid during that call. */
    void (*write)(void (*line)(const char *text, void *ctx), void *ctx);
};

void report_register(struct report *report); /* borrowed */
void report_unregister(struct report *report);
const struct report *report_find(const char *name); /* NULL: nobody has it */

#endif
