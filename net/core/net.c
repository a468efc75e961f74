/*
 * net.c - a stack is born and ends.
 *
 * net_create() makes what the core owns: the softnet lists, the loopback device, empty tables. The protocols
 * hang themselves on afterwards (inet_init) and must be gone before net_destroy().
 */
#include "net/core/net.h"

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/core/netdevice.h"

struct net *net_create(const char *name)
{
    struct net *net = kzalloc(sizeof(*net));

    if (!net)
        return NULL;
    net->name = name ? name : "";
    INIT_LIST_HEAD(&net->dev_base);
    INIT_LIST_HEAD(&net->ptype_all);
    for (unsigned i = 0; i < PTYPE_HASH_SIZE; i++)
        INIT_LIST_HEAD(&net->ptype_base[i]);
    INIT_LIST_HEAD(&net->sysctl_tables);
    INIT_LIST_HEAD(&net->netdev_chain);
    get_random_bytes(&net->secret, sizeof(net->secret));
    softnet_init(net);
    if (loopback_init(net) != 0)
        goto free_net;
    return net;

free_net:
    softnet_exit(net);
    kfree(net);
    return NULL;
}

void net_destroy(struct net *net)
{
    loopback_exit(net);
    softnet_exit(net);
    ASSERT(list_empty(&net->dev_base));
    ASSERT(net->sock_count == 0);
    kfree(net);
}
