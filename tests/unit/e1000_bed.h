/*
 * e1000_bed.h - the driver in drivers/e1000 on a register-level model of the card, under net/core.
 *
 * Frames of EtherType 88b5 (IEEE's number for experiments) carry a number and bytes that follow from it, so
 * each one can be checked whole wherever it comes out. After each test no buffer, page or timer may be left
 * over and the model must not have seen anything the manual forbids.
 *
 *     setup / teardown   for TEST_FIXTURE
 */
#ifndef TESTS_UNIT_E1000_BED_H
#define TESTS_UNIT_E1000_BED_H

#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/cmdline.h"
#include "kernel/slab.h"
#include "net/core/qdisc.h"
#include "net/core/xdp.h"
#include "tests/host/e1000_model.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

#define ETH_TYPE_TEST 0x88b5
#define LEN_MAX       1514

static const uint8_t our_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t peer_mac[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x99};

static struct net *net;
static struct net_device *dev;
static struct e1000_model *card;
static struct packet_type taker;
static size_t objects_before, pages_before;
static unsigned pci_violations_before;

/* What came up the stack, and what left by the wire. */
static unsigned taken, taken_bad, wire_count;
static uint32_t taken_next; /* the number the next test frame must carry */
static uint8_t taken_summed;
static uint8_t wire_frame[65536];
static size_t wire_len;
static uint32_t wire_next;
static bool wire_checks;
static void (*on_taken)(void);

/* --- frames --- */

static inline uint8_t frame_byte(uint32_t number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static inline size_t make_frame(uint8_t *frame, uint32_t number, size_t len, const uint8_t *to)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, peer_mac, 6);
    put_unaligned_be16(ETH_TYPE_TEST, frame + 12);
    put_unaligned_be32(number, frame + 14);
    for (size_t i = 18; i < len; i++)
        frame[i] = frame_byte(number, i);
    return len;
}

/* The bytes behind the link header of frame `number`. */
static inline bool payload_is(const uint8_t *payload, size_t len, uint32_t number)
{
    if (get_unaligned_be32(payload) != number)
        return false;
    for (size_t i = 4; i < len; i++)
        if (payload[i] != frame_byte(number, i + 14))
            return false;
    return true;
}

static inline size_t length_of(uint32_t number)
{
    return 60 + number * 97 % (LEN_MAX - 60 + 1);
}

static inline int take_frame(struct sk_buff *skb, struct net_device *from, struct packet_type *pt)
{
    uint8_t payload[LEN_MAX];

    assert_true(skb->len <= sizeof(payload));
    assert_int_equal(skb_copy_bits(skb, 0, payload, skb->len), 0);
    if (!payload_is(payload, skb->len, taken_next))
        taken_bad++;
    taken_next++;
    taken++;
    taken_summed = skb->ip_summed;
    consume_skb(skb);
    if (on_taken)
        on_taken();
    return 0;
}

static inline void wire(void *ctx, const uint8_t *frame, size_t len)
{
    memcpy(wire_frame, frame, len);
    wire_len = len;
    wire_count++;
    if (wire_checks)
        assert_true(payload_is(frame + 14, length_of(wire_next) - 14, wire_next));
    wire_next++;
}

/* --- the bed --- */

static inline int setup(void **state)
{
    taken = taken_bad = wire_count = 0;
    taken_next = wire_next = 0;
    wire_checks = false;
    on_taken = NULL;
    cmdline_init("");
    skb_init();
    host_fail_allocation(0);
    objects_before = host_objects_alive();
    pages_before = host_pages_alive();
    pci_violations_before = pci_model_violations();
    net = net_create("");
    assert_non_null(net);
    taker = (struct packet_type){.type = cpu_to_be16(ETH_TYPE_TEST), .func = take_frame};
    dev_add_pack(net, &taker);
    dev = NULL;
    card = NULL;
    return 0;
}

static inline void take_down(void)
{
    e1000_exit();
    pci_exit();
    if (card) {
        assert_int_equal(card->counts.violations, 0);
        e1000_model_destroy(card);
    }
    card = NULL;
}

static inline int teardown(void **state)
{
    host_fail_allocation(0);
    take_down();
    dev_remove_pack(&taker);
    assert_int_equal(taken_bad, 0);
    assert_int_equal(net->skb_count, 0);
    net_destroy(net);
    assert_int_equal(host_objects_alive(), objects_before);
    assert_int_equal(host_pages_alive(), pages_before);
    assert_int_equal(pci_model_violations(), pci_violations_before);
    assert_int_equal(timer_next_ms() == UINT64_MAX || timer_next_ms() <= ktime_get_ms() + 2000, 1);
    return 0;
}

static inline struct e1000_adapter *adapter(void)
{
    return dev->priv;
}

static inline int plug(struct e1000_model_config config)
{
    if (!config.mac[0])
        memcpy(config.mac, our_mac, 6);
    config.wire = wire;
    card = e1000_model_create(&config);
    assert_true(pci_init() >= 1);
    int cards = e1000_init(net);
    dev = dev_get_by_name(net, "eth0");
    return cards;
}

/* A card that is up and hears. */
static inline void start(struct e1000_model_config config)
{
    assert_int_equal(plug(config), 1);
    assert_int_equal(dev_open(dev), 0);
    host_advance_ms(1001);
}

static inline enum e1000_model_rx offer(uint32_t number, size_t len)
{
    uint8_t frame[LEN_MAX];

    return e1000_model_receive(card, frame, make_frame(frame, number, len, our_mac));
}

static inline void arrive(uint32_t number)
{
    assert_int_equal(offer(number, length_of(number)), E1000_MODEL_RX_TAKEN);
}

/* A frame to be sent: `linear` bytes in the head, the rest in frags of at most `piece` bytes. */
static inline struct sk_buff *make_skb(uint32_t number, size_t len, size_t linear, size_t piece)
{
    uint8_t frame[LEN_MAX];
    struct sk_buff *skb = alloc_skb(net, (unsigned)linear + 64);

    assert_non_null(skb);
    make_frame(frame, number, len, peer_mac);
    skb_reserve(skb, 64);
    skb_put_data(skb, frame, (unsigned)linear);
    for (size_t done = linear; done < len;) {
        size_t n = len - done < piece ? len - done : piece;
        struct page *page = alloc_pages(0);
        assert_non_null(page);
        memcpy((uint8_t *)page_address(page) + 100, frame + done, n);
        skb_add_rx_frag(skb, page, 100, (unsigned)n, PAGE_SIZE);
        done += n;
    }
    skb->dev = dev;
    return skb;
}

static inline int send_frame(uint32_t number, size_t len)
{
    return dev_queue_xmit(make_skb(number, len, len, LEN_MAX));
}

/* A frame whose transport checksum (at `field` behind `start`) the card must finish. */
static inline struct sk_buff *make_partial(uint32_t number, size_t len, unsigned start_at, unsigned field,
                                           uint16_t pseudo)
{
    struct sk_buff *skb = make_skb(number, len, start_at + field + 2 + number % 9, 200 + number % 300);

    put_unaligned_be16(pseudo, skb->data + start_at + field);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (uint16_t)(skb_headroom(skb) + start_at);
    skb->csum_offset = (uint16_t)field;
    return skb;
}

#define TRAIN_HEAD 54u /* Ethernet, IPv4, TCP */

static struct {
    uint8_t bytes[GSO_MAX_SEGS + 2][LEN_MAX];
    size_t len[GSO_MAX_SEGS + 2];
    unsigned count;
} train_wire[2];
static unsigned train_side;

static inline void train_frame(void *ctx, const uint8_t *frame, size_t len)
{
    unsigned i = train_wire[train_side].count++;

    assert_true(i < GSO_MAX_SEGS + 2 && len <= LEN_MAX);
    memcpy(train_wire[train_side].bytes[i], frame, len);
    train_wire[train_side].len[i] = len;
}

/* A train of TCP over IPv4 with `options` bytes of TCP options: `payload` bytes in pieces of at most `piece`.
 */
static inline struct sk_buff *make_train(size_t payload, unsigned mss, unsigned options, size_t piece)
{
    unsigned head = TRAIN_HEAD + options;
    struct sk_buff *skb = alloc_skb(net, 64 + head + 100);
    uint8_t *p;

    assert_non_null(skb);
    skb_reserve(skb, 64);
    p = skb_put(skb, head);
    memset(p, 1, head); /* options: NOP */
    memcpy(p, peer_mac, 6);
    memcpy(p + 6, our_mac, 6);
    put_unaligned_be16(0x0800, p + 12);
    static const uint8_t ip[20] = {0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    memcpy(p + 14, ip, sizeof(ip));
    put_unaligned_be16((uint16_t)(head - 14 + payload), p + 16);
    put_unaligned_be32(0xfffff000u, p + 38); /* wraps on the way */
    p[46] = (uint8_t)((20 + options) << 2);
    p[47] = 0x80 | 0x18 | 0x01; /* CWR, ACK, PSH, FIN */
    uint32_t pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 6 + (uint32_t)(20 + options + payload);
    put_unaligned_be16((uint16_t)((pseudo & 0xffff) + (pseudo >> 16)), p + 50);
    for (size_t done = 0; done < payload;) {
        size_t n = payload - done < piece ? payload - done : piece;
        struct page *page = alloc_pages(4);
        assert_non_null(page);
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)page_address(page))[i] = frame_byte(7, done + i);
        skb_add_rx_frag(skb, page, 0, (unsigned)n, (unsigned)n);
        done += n;
    }
    skb->dev = dev;
    skb->protocol = cpu_to_be16(0x0800);
    skb->network_header = 64 + 14;
    skb->transport_header = skb->csum_start = 64 + 34;
    skb->csum_offset = 16;
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb_shinfo(skb)->gso_size = (uint16_t)mss;
    skb_shinfo(skb)->gso_segs = (uint16_t)DIV_ROUND_UP(payload, mss);
    return skb;
}

static inline enum e1000_model_rx offer_to(const uint8_t *to)
{
    uint8_t frame[LEN_MAX];

    enum e1000_model_rx result = e1000_model_receive(card, frame, make_frame(frame, taken_next, 100, to));
    host_run();
    return result;
}

#endif
