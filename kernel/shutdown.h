/*
 * shutdown.h - the orderly end: who has something to end is told before the machine starts anew or goes off.
 *
 * A crash does not come by here (kernel/panic.h): there is nobody left to be told.
 */
#ifndef KERNEL_SHUTDOWN_H
#define KERNEL_SHUTDOWN_H

#include "kernel/list.h"

enum shutdown_kind { SHUTDOWN_RESTART, SHUTDOWN_POWER_OFF };

/* In this order, each when the one before has ended: addresses are given back when nobody needs them. */
enum shutdown_stage { SHUTDOWN_PROGRAMS, SHUTDOWN_CONNECTIONS, SHUTDOWN_ADDRESSES, SHUTDOWN_STAGES };

/* Embedded by its owner, who unregisters it before it goes. None of the functions may sleep. */
struct shutdown_client {
    struct list_head list;
    enum shutdown_stage stage;
    void (*begin)(struct shutdown_client *self, enum shutdown_kind kind);
    bool (*ended)(struct shutdown_client *self);
    void (*cut)(struct shutdown_client *self); /* the stage's time is over; NULL: nothing to be done then */
};

void shutdown_register(struct shutdown_client *client);
void shutdown_unregister(struct shutdown_client *client);

/*
 * From a task or a softirq: begins the end and returns. After some three seconds at the latest the machine
 * goes, whoever is not ready; asked for again meanwhile, it goes at once, and so it does without memory.
 */
void shutdown_start(enum shutdown_kind kind);

/* Whether one is under way, and then *kind. */
bool shutdown_under_way(enum shutdown_kind *kind);

#endif
