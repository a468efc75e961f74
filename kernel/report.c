/*
 * report.c - the list of what can be told.
 */
#include "kernel/report.h"

#include <string.h>

static struct list_head reports = LIST_HEAD_INIT(reports);

void report_register(struct report *report)
{
    list_add_tail(&report->list, &reports);
}

void report_unregister(struct report *report)
{
    list_del_init(&report->list);
}

const struct report *report_find(const char *name)
{
    const struct report *report;
    list_for_each_entry (report, &reports, list)
        if (!strcmp(report->name, name))
            return report;
    return NULL;
}
