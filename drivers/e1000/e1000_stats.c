/*
 * e1000_stats.c - the card counts packets and bytes, so that the data path need not.
 *
 * Called through ndo_update_stats whenever somebody looks at a device's counters, and once a minute, because
 * the card's 32-bit counters stop at their end. The manual clears a counter when it is read (317453 13.7).
 * QEMU's model keeps some of them instead; reading twice tells which, since a cleared one reads 0 the second
 * time.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>

#include "kernel/slab.h"

#define CRC_LEN 4 /* the card counts it, the stack does not */

#define STAT(field) offsetof(struct net_device_stats, field)
#define STAT_NONE   SIZE_MAX

static const struct {
    unsigned reg;
    size_t where[2]; /* fields of net_device_stats it adds to */
} e1000_stats[] = {
    {E1000_GPRC, {STAT(rx_packets), STAT_NONE}},
    {E1000_GPTC, {STAT(tx_packets), STAT_NONE}},
    {E1000_MPRC, {STAT(rx_multicast), STAT_NONE}},
    {E1000_CRCERRS, {STAT(rx_crc_errors), STAT(rx_errors)}},
    {E1000_ALGNERRC, {STAT(rx_errors), STAT_NONE}},
    {E1000_RXERRC, {STAT(rx_errors), STAT_NONE}},
    {E1000_CEXTERR, {STAT(rx_errors), STAT_NONE}},
    {E1000_RLEC, {STAT(rx_length_errors), STAT(rx_errors)}},
    {E1000_RUC, {STAT(rx_length_errors), STAT(rx_errors)}},
    {E1000_ROC, {STAT(rx_length_errors), STAT(rx_errors)}},
    {E1000_RFC, {STAT(rx_errors), STAT_NONE}},
    {E1000_RJC, {STAT(rx_errors), STAT_NONE}},
    {E1000_MPC, {STAT(rx_missed_errors), STAT_NONE}},
    {E1000_ECOL, {STAT(tx_errors), STAT_NONE}},
    {E1000_LATECOL, {STAT(tx_errors), STAT_NONE}},
    /* In QEMU the "good" counters above are copies of these, renewed with each packet: cleared together. */
    {E1000_TPR, {STAT_NONE, STAT_NONE}},
    {E1000_TPT, {STAT_NONE, STAT_NONE}},
};

int e1000_stats_alloc(struct e1000_adapter *adapter)
{
    adapter->stat_last = kcalloc(ARRAY_SIZE(e1000_stats), sizeof(*adapter->stat_last));
    return adapter->stat_last ? 0 : -ENOMEM;
}

void e1000_stats_free(struct e1000_adapter *adapter)
{
    kfree(adapter->stat_last);
    adapter->stat_last = NULL;
}

/* What has been added since the last look. *last: what a counter that does not clear held then. */
static uint32_t e1000_stat_delta(const struct e1000_adapter *adapter, unsigned reg, uint32_t *last)
{
    uint32_t value = e1000_read(adapter, reg);

    if (!value)
        return 0;
    uint32_t again = e1000_read(adapter, reg);
    if (again < value) { /* cleared, and possibly counting again */
        *last = 0;
        return value + again;
    }
    uint32_t delta = again - *last;
    *last = again;
    return delta;
}

/* The high half is read last, and clears both. */
static uint64_t e1000_stat_read64(const struct e1000_adapter *adapter, unsigned reg_low)
{
    uint64_t low = e1000_read(adapter, reg_low);

    return low | (uint64_t)e1000_read(adapter, reg_low + 4) << 32;
}

static void e1000_stat_add(struct net_device_stats *stats, size_t where, uint64_t n)
{
    if (where != STAT_NONE)
        *(uint64_t *)((char *)stats + where) += n;
}

void e1000_update_stats(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;
    struct net_device_stats *stats = &dev->stats;
    uint64_t rx_before = stats->rx_packets, tx_before = stats->tx_packets;

    if (adapter->gone || e1000_read(adapter, E1000_STATUS) == E1000_ALL_ONES)
        return; /* what the counters would say is no count */
    for (size_t i = 0; i < ARRAY_SIZE(e1000_stats); i++) {
        uint32_t delta = e1000_stat_delta(adapter, e1000_stats[i].reg, &adapter->stat_last[i]);
        e1000_stat_add(stats, e1000_stats[i].where[0], delta);
        e1000_stat_add(stats, e1000_stats[i].where[1], delta);
    }
    uint64_t rx_bytes = e1000_stat_read64(adapter, E1000_GORCL);
    uint64_t tx_bytes = e1000_stat_read64(adapter, E1000_GOTCL);
    e1000_stat_read64(adapter, E1000_TORL);
    e1000_stat_read64(adapter, E1000_TOTL);
    uint64_t rx_crc = CRC_LEN * (stats->rx_packets - rx_before),
             tx_crc = CRC_LEN * (stats->tx_packets - tx_before);
    stats->rx_bytes += rx_bytes - min(rx_bytes, rx_crc);
    stats->tx_bytes += tx_bytes - min(tx_bytes, tx_crc);
}
