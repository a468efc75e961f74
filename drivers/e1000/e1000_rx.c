/*
 * e1000_rx.c - the receive ring: where a frame enters Skiff.
 *
 * Called by e1000_poll() in softirq context. Each descriptor owns a buffer at all times: a frame that goes up
 * takes its buffer along only after a fresh one has been found; without one the frame is dropped, its buffer
 * stays, and rx_no_buffer counts. So the ring can never run dry, whatever memory does. The card is not asked
 * anything: its descriptors in memory tell all (317453 3.2.3).
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <string.h>

#include "kernel/panic.h"
#include "kernel/slab.h"

/* --- setting up --- */

/* Pages for `bytes`, zeroed. */
static void *e1000_alloc_desc(size_t bytes)
{
    unsigned order = 0;
    struct page *page;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    page = alloc_pages(order);
    if (!page)
        return NULL;
    return memset(page_address(page), 0, bytes);
}

static void e1000_rx_set_buffer(struct e1000_rx_ring *ring, uint32_t i, void *buffer)
{
    ring->buffer[i] = buffer;
    ring->desc[i].buffer_addr = virt_to_bus((uint8_t *)buffer + E1000_RX_HEADROOM);
}

int e1000_rx_alloc(struct e1000_adapter *adapter, uint32_t count)
{
    struct e1000_rx_ring *ring = &adapter->rx;

    ring->count = count;
    ring->announce_at = min(E1000_RDT_BATCH, count / 4);
    ring->desc = e1000_alloc_desc(count * sizeof(*ring->desc));
    ring->buffer = kcalloc(count, sizeof(*ring->buffer));
    if (!ring->desc || !ring->buffer)
        goto free_ring;
    for (uint32_t i = 0; i < count; i++) {
        void *buffer = kmalloc(E1000_RX_BUFFER);
        if (!buffer)
            goto free_ring;
        e1000_rx_set_buffer(ring, i, buffer);
    }
    return 0;

free_ring:
    e1000_rx_free(adapter);
    return -ENOMEM;
}

void e1000_rx_free(struct e1000_adapter *adapter)
{
    struct e1000_rx_ring *ring = &adapter->rx;

    for (uint32_t i = 0; ring->buffer && i < ring->count; i++)
        kfree(ring->buffer[i]);
    kfree(ring->buffer);
    if (ring->desc)
        put_page(virt_to_page(ring->desc));
    *ring = (struct e1000_rx_ring){0};
}

/* One descriptor stays behind: RDH == RDT would mean that the card has none (317453 3.2.6). */
void e1000_rx_start(struct e1000_adapter *adapter)
{
    struct e1000_rx_ring *ring = &adapter->rx;
    uint64_t base = virt_to_bus(ring->desc);
    uint32_t bytes = ring->count * (uint32_t)sizeof(*ring->desc);

    ASSERT(bytes % E1000_RING_LENGTH_ALIGN == 0 && base % E1000_RING_BASE_ALIGN == 0);
    for (uint32_t i = 0; i < ring->count; i++)
        ring->desc[i].status = 0;
    ring->next = 0;
    ring->unannounced = 0;
    ring->skip_to_eop = false;
    e1000_write(adapter, E1000_RDBAL, (uint32_t)base);
    e1000_write(adapter, E1000_RDBAH, (uint32_t)(base >> 32));
    e1000_write(adapter, E1000_RDLEN, bytes);
    e1000_write(adapter, E1000_RDH, 0);
    dma_wmb(); /* the card reads descriptors once RDT says so; pairs with its DMA */
    e1000_write(adapter, E1000_RDT, ring->count - 1);
}

/* --- receiving --- */

/* A frame that cannot go up: its buffer stays where it is. A frame of several buffers is skipped to its end.
 */
static void e1000_rx_drop_bad(struct e1000_adapter *adapter, const struct e1000_rx_desc *desc)
{
    struct e1000_rx_ring *ring = &adapter->rx;
    struct net_device_stats *stats = &adapter->netdev->stats;
    bool first = !ring->skip_to_eop;

    ring->skip_to_eop = !(desc->status & E1000_RXD_STAT_EOP);
    if (!first)
        return;
    stats->rx_errors++;
    if (desc->errors & E1000_RXD_ERR_FRAME)
        stats->rx_crc_errors += desc->errors & E1000_RXD_ERR_CE ? 1 : 0;
    else
        stats->rx_length_errors++;
}

static struct sk_buff *e1000_rx_copy(struct e1000_adapter *adapter, uint32_t i, unsigned len)
{
    struct sk_buff *skb = napi_alloc_skb(&adapter->napi, len);

    if (likely(skb))
        memcpy(skb_put(skb, len), (uint8_t *)adapter->rx.buffer[i] + E1000_RX_HEADROOM, len);
    return skb;
}

static struct sk_buff *e1000_rx_swap(struct e1000_adapter *adapter, uint32_t i, unsigned len)
{
    struct e1000_rx_ring *ring = &adapter->rx;
    void *fresh = kmalloc(E1000_RX_BUFFER);
    struct sk_buff *skb;

    if (unlikely(!fresh))
        return NULL;
    skb = build_skb(adapter->netdev->net, ring->buffer[i], E1000_RX_BUFFER);
    if (unlikely(!skb)) {
        kfree(fresh);
        return NULL;
    }
    skb->dev = adapter->netdev;
    skb_reserve(skb, E1000_RX_HEADROOM);
    skb_put(skb, len);
    e1000_rx_set_buffer(ring, i, fresh);
    return skb;
}

static struct sk_buff *e1000_rx_build(struct e1000_adapter *adapter, uint32_t i, unsigned len)
{
    return len <= E1000_RX_COPYBREAK ? e1000_rx_copy(adapter, i, len) : e1000_rx_swap(adapter, i, len);
}

/* Asks the early hook while the frame lies in the ring's buffer. Return: whether the stack gets it. */
static bool e1000_rx_xdp(struct e1000_adapter *adapter, uint32_t i, unsigned len)
{
    struct net_device *dev = adapter->netdev;

    switch (netdev_run_xdp(dev, (uint8_t *)adapter->rx.buffer[i] + E1000_RX_HEADROOM, len)) {
    case XDP_PASS:
        return true;
    case XDP_TX:
        netdev_bounce(dev, e1000_rx_build(adapter, i, len));
        return false;
    case XDP_DROP:
        return false;
    }
    return false;
}

/*
 * A checksum the card found wrong is left to the stack to find again: it counts it under the right name.
 * QEMU's model checks none (IXSM).
 */
static void e1000_rx_checksum(struct sk_buff *skb, uint8_t status, uint8_t errors)
{
    if ((status & (E1000_RXD_STAT_IXSM | E1000_RXD_STAT_TCPCS)) == E1000_RXD_STAT_TCPCS &&
        !(errors & (E1000_RXD_ERR_TCPE | E1000_RXD_ERR_IPE)))
        skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/* The frame in descriptor `i`, which the card has given back: an owned sk_buff, or NULL if it was dropped. */
static struct sk_buff *e1000_rx_take(struct e1000_adapter *adapter, uint32_t i)
{
    struct e1000_rx_ring *ring = &adapter->rx;
    const struct e1000_rx_desc *desc = &ring->desc[i];
    uint8_t status = desc->status, errors = desc->errors;
    unsigned len = desc->length;
    struct sk_buff *skb;

    if (unlikely(!(status & E1000_RXD_STAT_EOP) || ring->skip_to_eop || errors & E1000_RXD_ERR_FRAME ||
                 len < E1000_ETH_HLEN || len > E1000_FRAME_MAX)) {
        e1000_rx_drop_bad(adapter, desc);
        return NULL;
    }
    if (unlikely(adapter->netdev->xdp) && !e1000_rx_xdp(adapter, i, len))
        return NULL;
    skb = e1000_rx_build(adapter, i, len);
    if (unlikely(!skb)) {
        adapter->netdev->stats.rx_no_buffer++;
        return NULL;
    }
    e1000_rx_checksum(skb, status, errors);
    if (unlikely(status & E1000_RXD_STAT_VP)) {
        skb->vlan_tci = desc->special;
        skb->vlan_present = 1;
    }
    eth_type_trans(skb, adapter->netdev);
    return skb;
}

static void e1000_rx_announce(struct e1000_adapter *adapter)
{
    struct e1000_rx_ring *ring = &adapter->rx;

    ring->unannounced = 0;
    dma_wmb(); /* descriptors before the tail that gives them away; pairs with the card's DMA */
    e1000_write(adapter, E1000_RDT, ring->next ? ring->next - 1 : ring->count - 1);
}

/**
 * e1000_rx_poll - hand up to `budget` frames to the stack
 * Frames dropped here count too, so a stream of bad ones cannot hold the loop.
 * Return: how many were taken from the ring.
 */
int e1000_rx_poll(struct e1000_adapter *adapter, int budget)
{
    struct e1000_rx_ring *ring = &adapter->rx;
    int received = 0;

    while (received < budget && e1000_rx_ready(adapter)) {
        uint32_t i = ring->next;
        dma_rmb(); /* DD before the rest of the descriptor; pairs with the card's write-back */
        struct sk_buff *skb = e1000_rx_take(adapter, i);
        ring->desc[i].status = 0;
        ring->next = i + 1 == ring->count ? 0 : i + 1;
        ring->unannounced++;
        received++;
        if (likely(skb))
            napi_gro_receive(&adapter->napi, skb);
    }
    napi_gro_flush(&adapter->napi);
    if (ring->unannounced >= ring->announce_at)
        e1000_rx_announce(adapter);
    return received;
}
