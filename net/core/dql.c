/*
 * dql.c - byte queue limits; see dql.h.
 *
 * Called through netdev_completed_queue() when a driver finds frames that have left.
 */
#include "net/core/dql.h"

#include "kernel/panic.h"

void dql_reset(struct dql *dql, uint32_t limit)
{
    *dql = (struct dql){.limit = limit, .least_left = UINT32_MAX};
}

static void dql_restart_slack(struct dql *dql, uint64_t now_ms)
{
    dql->least_left = UINT32_MAX;
    dql->slack_since_ms = now_ms;
}

/* Only rounds in which the limit was reached tell anything: in others the card was simply not asked. */
static void dql_watch_slack(struct dql *dql, uint64_t now_ms)
{
    dql->least_left = min(dql->least_left, dql->in_flight);
    if (now_ms - dql->slack_since_ms < DQL_SLACK_HOLD_MS)
        return;
    dql->limit = max(dql->limit - min(dql->least_left / 2, dql->limit), (uint32_t)DQL_MIN_LIMIT);
    dql_restart_slack(dql, now_ms);
}

bool dql_completed(struct dql *dql, uint32_t bytes, uint64_t now_ms)
{
    ASSERT(bytes <= dql->in_flight);
    dql->in_flight -= bytes;
    if (dql->reached && !dql->in_flight) {
        dql->limit = min(dql->limit + bytes, (uint32_t)DQL_MAX_LIMIT);
        dql_restart_slack(dql, now_ms);
    } else if (dql->reached) {
        dql_watch_slack(dql, now_ms);
    }
    dql->reached = dql->in_flight >= dql->limit;
    return !dql->reached;
}
