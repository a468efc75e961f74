/*
 * e1000_tx.c - the transmit ring: where a frame leaves Skiff.
 *
 * Called by dev_queue_xmit() through ndo_start_xmit, in task or softirq context. The sk_buff's linear part
 * and frags go to the card by reference, one descriptor each; the last one asks for its DD bit (RS), which
 * costs the card one write to memory and no interrupt. Sent frames are found by looking at the ring: right
 * after each doorbell (an emulated card has sent everything by then), in each poll, when the ring gets full,
 * and for a real card without further traffic by a timer. TDT is written once per batch (ndo_tx_kick).
 *
 * Every descriptor is of the extended kind (317453 3.3.6, 3.3.7). A train (skb_shared_info.gso_size) goes to
 * the card in one frame of up to 64 KiB with a context of its own (TSE), and the card cuts it into segments.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/panic.h"
#include "kernel/slab.h"

/* Where TCP keeps its checksum (RFC 9293 3.1); UDP's is at 6. */
#define E1000_TCP_CSUM_OFFSET 16
#define E1000_TCP_DOFF_OFFSET 12 /* header length in words, in the upper four bits */
/* In the IPv4 header (RFC 791 3.1). */
#define E1000_IP_LEN_OFFSET  2
#define E1000_IP_CSUM_OFFSET 10

/* --- setting up --- */

int e1000_tx_alloc(struct e1000_adapter *adapter, uint32_t count)
{
    struct e1000_tx_ring *ring = &adapter->tx;
    unsigned order = 0;
    struct page *page;

    while ((PAGE_SIZE << order) < count * sizeof(*ring->desc))
        order++;
    page = alloc_pages(order);
    ring->buffer = kcalloc(count, sizeof(*ring->buffer));
    if (!page || !ring->buffer)
        goto free_ring;
    ring->desc = page_address(page);
    ring->count = count;
    ring->stop_at = min((uint32_t)E1000_TX_NEEDED, count / 2);
    ring->wake_at = min(2 * ring->stop_at, count - 1);
    return 0;

free_ring:
    if (page)
        put_page(page);
    kfree(ring->buffer);
    *ring = (struct e1000_tx_ring){0};
    return -ENOMEM;
}

void e1000_tx_free(struct e1000_adapter *adapter)
{
    struct e1000_tx_ring *ring = &adapter->tx;

    if (!ring->desc)
        return;
    ASSERT(e1000_tx_empty(adapter));
    put_page(virt_to_page(ring->desc));
    kfree(ring->buffer);
    *ring = (struct e1000_tx_ring){0};
}

void e1000_tx_start(struct e1000_adapter *adapter)
{
    struct e1000_tx_ring *ring = &adapter->tx;
    uint64_t base = virt_to_bus(ring->desc);
    uint32_t bytes = ring->count * (uint32_t)sizeof(*ring->desc);

    ASSERT(e1000_tx_empty(adapter));
    ASSERT(bytes % E1000_RING_LENGTH_ALIGN == 0 && base % E1000_RING_BASE_ALIGN == 0);
    memset(ring->desc, 0, bytes);
    ring->clean = ring->use = 0;
    ring->unannounced = 0;
    ring->context_valid = false;
    ring->progress_ms = ktime_get_ms();
    e1000_write(adapter, E1000_TDBAL, (uint32_t)base);
    e1000_write(adapter, E1000_TDBAH, (uint32_t)(base >> 32));
    e1000_write(adapter, E1000_TDLEN, bytes);
    e1000_write(adapter, E1000_TDH, 0);
    e1000_write(adapter, E1000_TDT, 0);
}

/* --- what has been sent --- */

static uint32_t e1000_tx_next(const struct e1000_tx_ring *ring, uint32_t i)
{
    return i + 1 == ring->count ? 0 : i + 1;
}

static uint32_t e1000_tx_free_slots(const struct e1000_tx_ring *ring)
{
    return (ring->clean > ring->use ? 0 : ring->count) + ring->clean - ring->use - 1;
}

/* The oldest frame has left. Return: its sk_buff, owned; NULL if the card is not done with it. */
static struct sk_buff *e1000_tx_take_sent(struct e1000_tx_ring *ring)
{
    struct e1000_tx_buffer *oldest = &ring->buffer[ring->clean];
    struct sk_buff *skb = oldest->skb;

    if (!(READ_ONCE(ring->desc[oldest->eop].data.status) & E1000_TXD_STAT_DD))
        return NULL;
    oldest->skb = NULL;
    ring->clean = e1000_tx_next(ring, oldest->eop);
    return skb;
}

/*
 * Frees what has been sent and wakes the queue once there is room again. Freeing may lead back here (a
 * waiting frame is sent, which reclaims): the inner call then leaves the work to the outer one.
 */
void e1000_tx_reclaim(struct e1000_adapter *adapter)
{
    struct e1000_tx_ring *ring = &adapter->tx;
    uint32_t clean = ring->clean, bytes = 0;

    if (ring->clean == ring->use || ring->reclaiming)
        return;
    ring->reclaiming = true;
    while (ring->clean != ring->use) {
        struct sk_buff *skb = e1000_tx_take_sent(ring);
        if (!skb)
            break;
        bytes += skb->len;
        consume_skb(skb);
    }
    ring->reclaiming = false;
    if (ring->clean == clean)
        return;
    netdev_completed_queue(adapter->netdev, bytes);
    /* While it is stopped the device's watchdog counts from the last frame that left. */
    if (unlikely(adapter->netdev->queue_stopped)) {
        adapter->netdev->trans_start_ms = ktime_get_ms();
        if (e1000_tx_free_slots(ring) >= ring->wake_at)
            netif_wake_queue(adapter->netdev);
    }
    if (unlikely(ring->clean != ring->use || timer_pending(&adapter->tx_timer)))
        ring->progress_ms = ktime_get_ms();
}

static void e1000_tx_drop(struct e1000_adapter *adapter, struct sk_buff *skb, enum skb_drop_reason reason)
{
    adapter->netdev->stats.tx_dropped++;
    skb->dev = NULL; /* counted here: the common function takes most reasons for receive ones */
    dev_kfree_skb_any(skb, reason);
}

void e1000_tx_drop_all(struct e1000_adapter *adapter, enum skb_drop_reason reason)
{
    struct e1000_tx_ring *ring = &adapter->tx;

    while (ring->clean != ring->use) {
        struct e1000_tx_buffer *oldest = &ring->buffer[ring->clean];
        struct sk_buff *skb = oldest->skb;
        oldest->skb = NULL;
        ring->clean = e1000_tx_next(ring, oldest->eop);
        e1000_tx_drop(adapter, skb, reason);
    }
    ring->unannounced = 0;
    netdev_reset_queue(adapter->netdev);
}

/*
 * tx_timer: a real card is still sending. Looks again soon, and resets a card that sends nothing for too
 * long. Rests while there is no link: nothing leaves then, and that is no fault; e1000_check_link() goes on.
 */
void e1000_tx_watch(struct timer *timer)
{
    struct e1000_adapter *adapter = container_of(timer, struct e1000_adapter, tx_timer);
    uint64_t now_ms = ktime_get_ms();

    e1000_tx_reclaim(adapter);
    if (e1000_tx_empty(adapter) || !adapter->netdev->carrier)
        return;
    if (now_ms - adapter->tx.progress_ms >= E1000_TX_HANG_MS) {
        adapter->netdev->stats.tx_timeouts++;
        e1000_tx_timeout(adapter->netdev);
    }
    if (!e1000_tx_empty(adapter) && !timer_pending(timer))
        mod_timer(timer, now_ms + (adapter->netdev->xmit_held ? 1 : E1000_TX_RECLAIM_MS));
}

/* Frames are in the ring: somebody must look at it again. */
void e1000_tx_watch_start(struct e1000_adapter *adapter, unsigned delay_ms)
{
    if (!timer_pending(&adapter->tx_timer))
        adapter->tx.progress_ms = ktime_get_ms();
    mod_timer(&adapter->tx_timer, ktime_get_ms() + delay_ms);
}

/* --- sending --- */

/* Announces what has been queued, then frees what the card has sent already. */
void e1000_tx_kick(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;
    struct e1000_tx_ring *ring = &adapter->tx;

    if (!ring->unannounced)
        return;
    ring->unannounced = 0;
    dma_wmb(); /* descriptors before the tail that gives them away; pairs with the card's DMA */
    e1000_write(adapter, E1000_TDT, ring->use);
    e1000_tx_reclaim(adapter);
    if (unlikely(ring->clean != ring->use) && !timer_pending(&adapter->tx_timer))
        e1000_tx_watch_start(adapter, E1000_TX_RECLAIM_MS);
}

/*
 * Bytes per descriptor. When it cuts a train the card wants room in its FIFO for four segments per descriptor
 * before it starts to read one: more than that would wait for ever.
 */
static uint32_t e1000_tx_piece_max(const struct sk_buff *skb)
{
    uint32_t mss = skb_shinfo(skb)->gso_size;

    return mss ? min(4 * mss, (uint32_t)E1000_TX_PIECE_MAX) : E1000_TX_PIECE_MAX;
}

static inline uint32_t e1000_tx_pieces(uint32_t len, uint32_t piece_max)
{
    return likely(len <= piece_max) ? len != 0 : DIV_ROUND_UP(len, piece_max);
}

/* Descriptors this frame takes at most. */
static uint32_t e1000_tx_slots_needed(const struct sk_buff *skb)
{
    const struct skb_shared_info *info = skb_shinfo(skb);
    uint32_t piece = e1000_tx_piece_max(skb);
    uint32_t slots = (skb->ip_summed == CHECKSUM_PARTIAL) + e1000_tx_pieces(skb_headlen(skb), piece);

    for (unsigned i = 0; i < info->nr_frags; i++)
        slots += e1000_tx_pieces(info->frags[i].size, piece);
    return slots;
}

/*
 * Tells the card where to sum and where to store it (317453 3.3.6). It keeps that until the next context, so
 * a stream of TCP segments needs one descriptor for all. csum_start counts from the frame's first byte here.
 */
static void e1000_tx_load_context(struct e1000_tx_ring *ring, unsigned csum_start, unsigned csum_offset)
{
    struct e1000_context_desc *context = &ring->desc[ring->use].context;
    uint32_t packet_type = csum_offset == E1000_TCP_CSUM_OFFSET ? E1000_TXD_TUCMD_TCP : 0;

    if (ring->context_valid && ring->context_start == csum_start && ring->context_offset == csum_offset)
        return;
    *context = (struct e1000_context_desc){
        .ipcss = E1000_ETH_HLEN, /* only looked at with IXSM, which is never asked for */
        .tucss = (uint8_t)csum_start,
        .tucso = (uint8_t)(csum_start + csum_offset),
        .paylen_dtyp_tucmd = E1000_TXD_CMD_DEXT | E1000_TXD_DTYP_CONTEXT | E1000_TXD_TUCMD_IP | packet_type,
    };
    ring->context_valid = true;
    ring->context_start = (uint16_t)csum_start;
    ring->context_offset = (uint16_t)csum_offset;
    ring->use = e1000_tx_next(ring, ring->use);
}

/*
 * The context of a train (317453 3.3.6, 3.5): where its headers lie, how long they are, how much payload goes
 * into each segment and how much there is. The card writes lengths, id and sums of each segment's headers; it
 * wants the IPv4 length and sum to be zero, and the TCP field to hold the pseudo-header's sum without the
 * length (3.5.5.2). The headers are writable: TCP sends a clone with nohdr.
 */
static void e1000_tx_load_tso(struct e1000_tx_ring *ring, struct sk_buff *skb)
{
    unsigned ip = skb->network_header - skb_headroom(skb), tcp = skb->csum_start - skb_headroom(skb);
    unsigned hdr_len = tcp + (skb->data[tcp + E1000_TCP_DOFF_OFFSET] >> 4) * 4u;
    uint8_t *check = skb->data + tcp + E1000_TCP_CSUM_OFFSET;
    uint32_t sum = get_unaligned_be16(check) + (0xffffu - (skb->len - tcp));

    put_unaligned_be16((uint16_t)(sum + (sum >> 16)), check);
    put_unaligned_be16(0, skb->data + ip + E1000_IP_LEN_OFFSET);
    put_unaligned_be16(0, skb->data + ip + E1000_IP_CSUM_OFFSET);
    ring->desc[ring->use].context = (struct e1000_context_desc){
        .ipcss = (uint8_t)ip,
        .ipcso = (uint8_t)(ip + E1000_IP_CSUM_OFFSET),
        .ipcse = (uint16_t)(tcp - 1),
        .tucss = (uint8_t)tcp,
        .tucso = (uint8_t)(tcp + E1000_TCP_CSUM_OFFSET),
        .paylen_dtyp_tucmd = (skb->len - hdr_len) | E1000_TXD_CMD_DEXT | E1000_TXD_DTYP_CONTEXT |
                             E1000_TXD_CMD_TSE | E1000_TXD_TUCMD_IP | E1000_TXD_TUCMD_TCP,
        .hdrlen = (uint8_t)hdr_len,
        .mss = skb_shinfo(skb)->gso_size,
    };
    ring->context_valid = false; /* not every card of the family keeps the other kind beside it */
    ring->use = e1000_tx_next(ring, ring->use);
}

/* How a frame's bytes are to be taken: the same in each of its data descriptors. */
struct e1000_tx_how {
    uint32_t command, piece_max;
    uint16_t special; /* VLAN tag, with E1000_TXD_CMD_VLE */
    uint8_t popts;
};

/* Queues contiguous bytes. Return: the last descriptor used, `last` if there are none. */
static uint32_t e1000_tx_queue_bytes(struct e1000_tx_ring *ring, const uint8_t *bytes, uint32_t len,
                                     const struct e1000_tx_how *how, uint32_t last)
{
    while (len) {
        uint32_t piece = min(len, how->piece_max);
        last = ring->use;
        ring->desc[last].data = (struct e1000_data_desc){
            .buffer_addr = virt_to_bus(bytes),
            .dtalen_dtyp_dcmd = piece | how->command,
            .popts = how->popts,
            .special = how->special,
        };
        ring->use = e1000_tx_next(ring, last);
        bytes += piece;
        len -= piece;
    }
    return last;
}

/* Fills descriptors for a frame that is known to fit. The ring holds skb from here on. */
static void e1000_tx_queue(struct e1000_tx_ring *ring, struct sk_buff *skb)
{
    const struct skb_shared_info *info = skb_shinfo(skb);
    uint32_t first = ring->use, last;
    struct e1000_tx_how how = {.command = E1000_TXD_DTYP_DATA | E1000_TXD_CMD_DEXT | E1000_TXD_CMD_IFCS,
                               .piece_max = e1000_tx_piece_max(skb)};

    if (info->gso_size) {
        e1000_tx_load_tso(ring, skb);
        how.command |= E1000_TXD_CMD_TSE;
        how.popts = E1000_TXD_POPTS_TXSM | E1000_TXD_POPTS_IXSM;
    } else if (skb->ip_summed == CHECKSUM_PARTIAL) {
        e1000_tx_load_context(ring, skb->csum_start - skb_headroom(skb), skb->csum_offset);
        how.popts = E1000_TXD_POPTS_TXSM;
    }
    if (unlikely(skb->vlan_present)) {
        how.command |= E1000_TXD_CMD_VLE;
        how.special = skb->vlan_tci;
    }
    last = e1000_tx_queue_bytes(ring, skb->data, skb_headlen(skb), &how, first);
    for (unsigned i = 0; i < info->nr_frags; i++)
        last = e1000_tx_queue_bytes(ring, skb_frag_address(&info->frags[i]), info->frags[i].size, &how, last);
    ring->desc[last].data.dtalen_dtyp_dcmd |= E1000_TXD_CMD_EOP | E1000_TXD_CMD_RS;
    ring->buffer[first].skb = skb;
    ring->buffer[first].eop = last;
}

/* Whether the card's context can say where this checksum belongs: its fields have 8 bits. */
static bool e1000_tx_csum_in_reach(const struct sk_buff *skb)
{
    return skb->csum_start - skb_headroom(skb) + skb->csum_offset <= UINT8_MAX;
}

/* What the card cannot take as it is. Return: SKB_NOT_DROPPED_YET, or why the frame must go. */
static enum skb_drop_reason e1000_tx_prepare(struct e1000_tx_ring *ring, struct sk_buff *skb)
{
    if (unlikely(skb->len < E1000_TX_FRAME_MIN))
        return SKB_DROP_REASON_PKT_TOO_SMALL;
    if (skb_shinfo(skb)->gso_size) /* dev_queue_xmit() has looked at it */
        return skb_cow_head(skb, 0) ? SKB_DROP_REASON_NOMEM : SKB_NOT_DROPPED_YET;
    if (unlikely(skb->len > E1000_TX_FRAME_MAX))
        return SKB_DROP_REASON_TX_TOO_LONG;
    if (skb->ip_summed == CHECKSUM_PARTIAL && unlikely(!e1000_tx_csum_in_reach(skb)) &&
        skb_checksum_help(skb))
        return SKB_DROP_REASON_NOMEM;
    /* More pieces than a small ring has slots. */
    if (unlikely(skb_shinfo(skb)->nr_frags && e1000_tx_slots_needed(skb) >= ring->count) &&
        skb_linearize(skb))
        return SKB_DROP_REASON_NOMEM;
    return SKB_NOT_DROPPED_YET;
}

/* The ring is nearly full: sends what is queued, and if that frees nothing lets frames wait in the device's
 * queue. */
static void e1000_tx_make_room(struct e1000_adapter *adapter, uint32_t slots)
{
    e1000_tx_kick(adapter->netdev);
    e1000_tx_reclaim(adapter);
    if (e1000_tx_free_slots(&adapter->tx) >= slots)
        return;
    netif_stop_queue(adapter->netdev);
    e1000_tx_watch_start(adapter, 1);
}

/* As many bytes as the card may hold: it starts now. One that is still at it is looked at again soon. */
static void e1000_tx_limited(struct e1000_adapter *adapter)
{
    e1000_tx_kick(adapter->netdev);
    if (adapter->netdev->bql_stopped)
        e1000_tx_watch_start(adapter, 1);
}

/**
 * e1000_start_xmit - ndo_start_xmit
 * @skb: a whole frame from the link header on (taken, unless NETDEV_TX_BUSY is returned)
 */
enum netdev_tx e1000_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;
    struct e1000_tx_ring *ring = &adapter->tx;
    enum skb_drop_reason reason =
        likely(dev->carrier) ? e1000_tx_prepare(ring, skb) : SKB_DROP_REASON_DEV_READY;
    uint32_t needed;

    if (unlikely(reason)) {
        e1000_tx_drop(adapter, skb, reason);
        return NETDEV_TX_OK;
    }
    needed = e1000_tx_slots_needed(skb);
    if (unlikely(needed > e1000_tx_free_slots(ring))) {
        e1000_tx_make_room(adapter, needed);
        if (needed > e1000_tx_free_slots(ring))
            return NETDEV_TX_BUSY;
    }
    e1000_tx_queue(ring, skb);
    ring->unannounced++;
    if (unlikely(netdev_sent_queue(dev, skb->len)))
        e1000_tx_limited(adapter);
    else if (ring->unannounced >= E1000_TDT_BATCH)
        e1000_tx_kick(dev);
    else if (ring->unannounced == 1)
        netif_tx_kick_later(dev);
    if (unlikely(e1000_tx_free_slots(ring) < ring->stop_at))
        e1000_tx_make_room(adapter, ring->stop_at);
    return NETDEV_TX_OK;
}
