/*
 * igmp_sources.c - one filter out of many: from which sources a group is wanted on a device, given what each
 * socket that joined it there wants (RFC 3376 3.2).
 *
 * igmp.c asks for the merge whenever a membership begins, changes or ends, and tells the routers of what is
 * different then. A source stays in the group's list while a socket's filter names it, whatever that means
 * for the whole, so that a socket may leave without any memory being needed.
 */
#include "net/ipv4/igmp_internal.h"

#include <errno.h>
#include <string.h>

#include "kernel/slab.h"

static bool ip_mc_filter_names(const struct ip_mc_filter *filter, be32 saddr)
{
    for (unsigned i = 0; i < filter->count; i++)
        if (filter->sources[i] == saddr)
            return true;
    return false;
}

bool ip_mc_filter_passes(const struct ip_mc_filter *filter, be32 saddr)
{
    return ip_mc_filter_names(filter, saddr) == (filter->mode == MCAST_INCLUDE);
}

static struct igmp_source *igmp_source_find(const struct ip_mc_group *group, be32 saddr)
{
    for (unsigned i = 0; i < group->source_count; i++)
        if (group->sources[i].addr == saddr)
            return &group->sources[i];
    return NULL;
}

bool igmp_group_wants(const struct ip_mc_group *group, be32 saddr)
{
    const struct igmp_source *s = group->source_count ? igmp_source_find(group, saddr) : NULL;

    return (s && s->listed) == (group->mode == MCAST_INCLUDE);
}

int igmp_sources_reserve(struct ip_mc_group *group, unsigned more)
{
    unsigned room = group->source_count + more;
    struct igmp_source *grown;

    if (room <= group->source_room)
        return 0;
    grown = kzalloc(room * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    if (group->source_count)
        memcpy(grown, group->sources, group->source_count * sizeof(*grown));
    kfree(group->sources);
    group->sources = grown;
    group->source_room = room;
    return 0;
}

static void igmp_count_member(struct ip_mc_group *group, const struct ip_mc_filter *filter)
{
    for (unsigned i = 0; i < filter->count; i++) {
        struct igmp_source *s = igmp_source_find(group, filter->sources[i]);

        if (!s) {
            s = &group->sources[group->source_count++];
            *s = (struct igmp_source){.addr = filter->sources[i]};
        }
        *(filter->mode == MCAST_INCLUDE ? &s->includes : &s->excludes) += 1;
    }
}

/* If anybody excludes: what all of those exclude and nobody includes. Else what anybody includes. */
static void igmp_list_sources(struct ip_mc_group *group, unsigned excluding)
{
    group->mode = excluding ? MCAST_EXCLUDE : MCAST_INCLUDE;
    for (unsigned i = 0; i < group->source_count; i++) {
        struct igmp_source *s = &group->sources[i];

        s->listed = excluding ? s->excludes == excluding && !s->includes : s->includes;
    }
}

void igmp_sources_merge(struct ip_mc_group *group)
{
    const struct ip_mc_socklist *m;
    unsigned excluding = 0;

    for (unsigned i = 0; i < group->source_count; i++) {
        group->sources[i].was_listed = group->sources[i].listed;
        group->sources[i].includes = group->sources[i].excludes = 0;
    }
    list_for_each_entry (m, &group->members, member) {
        igmp_count_member(group, &m->filter);
        excluding += m->filter.mode == MCAST_EXCLUDE;
    }
    igmp_list_sources(group, excluding);
}

void igmp_sources_purge(struct ip_mc_group *group)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < group->source_count; i++) {
        const struct igmp_source *s = &group->sources[i];

        if (s->includes || s->excludes || s->changes_left)
            group->sources[kept++] = *s;
    }
    group->source_count = kept;
}
