/*
 * shutdown.c - the orderly end: a task that tells everybody, stage by stage, waits for a bounded time, and
 * goes.
 */
#include "kernel/shutdown.h"

#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define LOOK_MS  10
#define LEAVE_MS 100 /* at last: for the card to send what waits, and for a neighbour to tell its address */

/* A program answers at once or hangs; a peer may be far away, and its answer may get lost once. */
static const unsigned stage_limit_ms[SHUTDOWN_STAGES] = {
    [SHUTDOWN_PROGRAMS] = 500, [SHUTDOWN_CONNECTIONS] = 2000, [SHUTDOWN_ADDRESSES] = 500};

static struct list_head clients = LIST_HEAD_INIT(clients);
static bool under_way;
static enum shutdown_kind shutdown_kind;

void shutdown_register(struct shutdown_client *client)
{
    list_add_tail(&client->list, &clients);
}

void shutdown_unregister(struct shutdown_client *client)
{
    list_del_init(&client->list);
}

bool shutdown_under_way(enum shutdown_kind *kind)
{
    if (under_way)
        *kind = shutdown_kind;
    return under_way;
}

static void stage_begin(enum shutdown_stage stage)
{
    struct shutdown_client *client, *next;
    list_for_each_entry_safe (client, next, &clients, list)
        if (client->stage == stage)
            client->begin(client, shutdown_kind);
}

static bool stage_ended(enum shutdown_stage stage)
{
    struct shutdown_client *client;
    list_for_each_entry (client, &clients, list)
        if (client->stage == stage && !client->ended(client))
            return false;
    return true;
}

static void stage_cut(enum shutdown_stage stage)
{
    struct shutdown_client *client, *next;
    list_for_each_entry_safe (client, next, &clients, list)
        if (client->stage == stage && client->cut && !client->ended(client))
            client->cut(client);
}

static void run_stage(enum shutdown_stage stage)
{
    uint64_t deadline_ms = ktime_get_ms() + stage_limit_ms[stage];
    stage_begin(stage);
    while (!stage_ended(stage) && ktime_get_ms() < deadline_ms)
        task_sleep_ms(LOOK_MS);
    stage_cut(stage);
}

static void __noreturn go(void)
{
    if (shutdown_kind == SHUTDOWN_RESTART)
        machine_restart();
    machine_power_off();
}

static void shutdown_main(void *arg)
{
    for (enum shutdown_stage stage = 0; stage < SHUTDOWN_STAGES; stage++)
        run_stage(stage);
    task_sleep_ms(LEAVE_MS);
    under_way = false;
    go();
}

void shutdown_start(enum shutdown_kind kind)
{
    bool impatient = under_way;
    shutdown_kind = kind;
    under_way = true;
    if (impatient || !task_create("shutdown", shutdown_main, NULL, NULL))
        go();
}
