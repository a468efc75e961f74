/*
 * test_skbuff.c - the buffer's shape and its sharing.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/page.h"
#include "net/core/checksum.h"
#include "net/core/iov_iter.h"
#include "tests/unit/core_net.h"

static uint8_t pattern[8000];

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + i / 256);
    return core_setup(state);
}

/* `linear` bytes of the pattern in the head, then `frags` fragments of `size` bytes that continue it. */
static struct sk_buff *make(unsigned linear, unsigned frags, unsigned size)
{
    struct sk_buff *skb = alloc_skb(core.net, 64 + linear);

    assert_non_null(skb);
    skb_reserve(skb, 64);
    skb_put_data(skb, pattern, linear);
    for (unsigned i = 0; i < frags; i++) {
        struct page *page = alloc_pages(0);
        assert_non_null(page);
        memcpy((uint8_t *)page_address(page) + 100, pattern + linear + i * size, size);
        skb_add_rx_frag(skb, page, 100, size, PAGE_SIZE);
    }
    return skb;
}

static void assert_bytes(const struct sk_buff *skb, unsigned from, unsigned len)
{
    static uint8_t buf[sizeof(pattern)];

    assert_int_equal(skb->len, len);
    assert_true(skb->head <= skb->data && skb->data <= skb->tail && skb->tail <= skb->end);
    assert_int_equal(skb->tail - skb->data, skb_headlen(skb));
    assert_int_equal(skb_copy_bits(skb, 0, buf, len), 0);
    assert_memory_equal(buf, pattern + from, len);
}

TEST("an empty buffer has the room asked for, and push, put, pull move within it")
{
    struct sk_buff *skb = alloc_skb(core.net, 100);

    assert_true(skb_tailroom(skb) >= 100);
    skb_reserve(skb, 40);
    memcpy(skb_put(skb, 20), pattern + 10, 20);
    memcpy(skb_push(skb, 10), pattern, 10);
    assert_bytes(skb, 0, 30);
    const uint8_t *front = skb_pull(skb, 5);
    assert_ptr_equal(front, skb->data);
    assert_bytes(skb, 5, 25);
    assert_int_equal(skb_headroom(skb), 35);
    consume_skb(skb);
}

TEST("a driver's buffer has its headroom and aligns the IPv4 header to 4")
{
    struct sk_buff *skb = netdev_alloc_skb(core.dev, 1514);

    assert_int_equal(skb_headroom(skb), NET_SKB_PAD + NET_IP_ALIGN);
    assert_int_equal(((uintptr_t)skb->data + ETH_HLEN) % 4, 0);
    assert_ptr_equal(skb->dev, core.dev);
    consume_skb(skb);
}

TEST("build_skb takes a buffer over without copying")
{
    void *data = kmalloc(SKB_BUF_SIZE(2048));
    struct sk_buff *skb = build_skb(core.net, data, SKB_BUF_SIZE(2048));

    assert_ptr_equal(skb->head, data);
    assert_true(skb_tailroom(skb) >= 2048);
    consume_skb(skb);
}

TEST("build_skb without memory leaves the buffer to the caller")
{
    void *data = kmalloc(SKB_BUF_SIZE(256));

    host_fail_allocation(1);
    assert_null(build_skb(core.net, data, SKB_BUF_SIZE(256)));
    kfree(data);
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_null(alloc_skb(core.net, 256));
    }
}

TEST("a clone shares bytes, and the last of both frees them")
{
    struct sk_buff *skb = make(100, 1, 500), *clone = skb_clone(skb);

    assert_ptr_equal(clone->data, skb->data);
    assert_true(skb_cloned(skb) && skb_cloned(clone));
    skb_pull(clone, 50);
    assert_bytes(skb, 0, 600);
    consume_skb(skb);
    assert_false(skb_cloned(clone));
    assert_bytes(clone, 50, 550);
    consume_skb(clone);
    assert_int_equal(core.net->skb_count, 0);
}

TEST("a second reference keeps a buffer alive")
{
    struct sk_buff *skb = make(10, 0, 0);

    consume_skb(skb_get(skb));
    assert_bytes(skb, 0, 10);
    skb_get(skb);
    kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NOMEM], 0);
    kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NOMEM], 1);
}

TEST("skb_cow_head gives a clone a head of its own and keeps header positions and checksum start")
{
    struct sk_buff *skb = make(100, 2, 300);
    skb_reset_mac_header(skb);
    skb->network_header = (uint16_t)(skb->mac_header + 14);
    skb->transport_header = (uint16_t)(skb->mac_header + 34);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = skb->transport_header;
    skb->csum_offset = 16;
    struct sk_buff *clone = skb_clone(skb);

    assert_int_equal(skb_cow_head(clone, 200), 0);
    assert_true(skb_headroom(clone) >= 200);
    assert_false(skb_cloned(skb) || skb_cloned(clone));
    assert_ptr_equal((uint8_t *)skb_mac_header(clone), clone->data);
    assert_ptr_equal((uint8_t *)skb_network_header(clone), clone->data + 14);
    assert_ptr_equal((uint8_t *)skb_transport_header(clone), clone->data + 34);
    assert_ptr_equal(clone->head + clone->csum_start, clone->data + 34);
    assert_int_equal(clone->csum_offset, 16);
    clone->data[0] ^= 0xff;
    assert_bytes(skb, 0, 700);
    clone->data[0] ^= 0xff;
    assert_bytes(clone, 0, 700);
    consume_skb(skb);
    assert_bytes(clone, 0, 700);
    consume_skb(clone);
}

TEST("skb_cow_head leaves a buffer alone that has room and is nobody else's")
{
    struct sk_buff *skb = make(100, 0, 0);
    uint8_t *head = skb->head;

    assert_int_equal(skb_cow_head(skb, 64), 0);
    assert_ptr_equal(skb->head, head);
    struct sk_buff *clone = skb_clone(skb);
    clone->nohdr = 1; /* its twin never looks at the headers */
    assert_int_equal(skb_cow_head(clone, 64), 0);
    assert_ptr_equal(clone->head, head);
    consume_skb(clone);
    consume_skb(skb);
}

TEST("without memory skb_cow_head, unclone, linearize and a deep pull change nothing")
{
    struct sk_buff *skb = make(100, 2, 300), *clone = skb_clone(skb);

    host_fail_allocation(1);
    assert_int_equal(skb_cow_head(clone, 200), -ENOMEM);
    host_fail_allocation(1);
    assert_int_equal(skb_unclone(clone), -ENOMEM);
    host_fail_allocation(1);
    assert_int_equal(skb_linearize(clone), -ENOMEM);
    host_fail_allocation(1);
    assert_false(pskb_may_pull(clone, 101));
    host_fail_allocation(1);
    assert_int_equal(skb_trim(clone, 50), -ENOMEM);
    assert_bytes(clone, 0, 700);
    assert_bytes(skb, 0, 700);
    consume_skb(clone);
    consume_skb(skb);
}

TEST("pskb_copy has its own head and shares fragments")
{
    struct sk_buff *skb = make(100, 2, 300);
    skb->network_header = (uint16_t)(skb->data - skb->head + 14);
    skb->mark = 7;
    skb->skb_iif = 3;
    struct sk_buff *copy = pskb_copy(skb, 200);

    assert_int_equal(skb_headroom(copy), 200);
    assert_ptr_equal((uint8_t *)skb_network_header(copy), copy->data + 14);
    assert_int_equal(copy->mark, 7);
    assert_int_equal(copy->skb_iif, 3); /* an error about a part of it names the card it came in by */
    assert_ptr_equal(skb_shinfo(copy)->frags[1].page, skb_shinfo(skb)->frags[1].page);
    assert_int_equal(skb_shinfo(copy)->frags[1].page->refcount, 2);
    consume_skb(skb);
    assert_bytes(copy, 0, 700);
    consume_skb(copy);
}

TEST("skb_copy is one linear piece")
{
    struct sk_buff *skb = make(100, 3, 1000), *copy = skb_copy(skb, 32);

    assert_false(skb_is_nonlinear(copy));
    assert_int_equal(skb_headroom(copy), 32);
    consume_skb(skb);
    assert_bytes(copy, 0, 3100);
    consume_skb(copy);
    for (unsigned n = 1; n <= 2; n++) {
        skb = make(100, 1, 100);
        host_fail_allocation(n);
        assert_null(skb_copy(skb, 0));
        host_fail_allocation(n);
        assert_null(pskb_copy(skb, 0));
        consume_skb(skb);
    }
}

TEST("pulling bytes out of fragments works for every length, cloned or not")
{
    for (unsigned len = 0; len <= 1000; len += 50) {
        for (unsigned cloned = 0; cloned < 2; cloned++) {
            struct sk_buff *skb = make(100, 3, 300), *clone = cloned ? skb_clone(skb) : NULL;
            assert_true(pskb_may_pull(skb, len));
            assert_true(skb_headlen(skb) >= len);
            assert_bytes(skb, 0, 1000);
            if (clone)
                assert_bytes(clone, 0, 1000);
            assert_false(pskb_may_pull(skb, 1001));
            consume_skb(clone);
            consume_skb(skb);
        }
    }
}

TEST("skb_pull_data hands out a header that is there, and NULL without harm for one that is not")
{
    struct sk_buff *skb = make(10, 1, 30);
    uint8_t *header = skb_pull_data(skb, 20);

    assert_memory_equal(header, pattern, 20);
    assert_null(skb_pull_data(skb, 21));
    assert_bytes(skb, 20, 20);
    consume_skb(skb);
}

TEST("cutting works at every length, and does not touch a clone's bytes")
{
    for (unsigned len = 0; len <= 1100; len += 50) {
        for (unsigned cloned = 0; cloned < 2; cloned++) {
            struct sk_buff *skb = make(100, 3, 300), *clone = cloned ? skb_clone(skb) : NULL;
            assert_int_equal(skb_trim(skb, len), 0);
            assert_bytes(skb, 0, len < 1000 ? len : 1000);
            if (clone)
                assert_bytes(clone, 0, 1000);
            consume_skb(clone);
            consume_skb(skb);
        }
    }
}

TEST("splitting gives both halves their bytes at every place")
{
    for (unsigned len = 0; len <= 1050; len += 25) {
        struct sk_buff *skb = make(100, 3, 300), *rest = alloc_skb(core.net, 64 + 100);
        skb_reserve(rest, 64);
        skb_split(skb, rest, len);
        unsigned kept = len < 1000 ? len : 1000;
        assert_bytes(skb, 0, kept);
        assert_bytes(rest, kept, 1000 - kept);
        consume_skb(skb);
        assert_bytes(rest, kept, 1000 - kept);
        consume_skb(rest);
    }
}

/* A chain as reassembly makes it. */
static struct sk_buff *make_chain(void)
{
    struct sk_buff *skb = make(100, 1, 100), **link = &skb_shinfo(skb)->frag_list;

    for (unsigned i = 0; i < 3; i++) {
        struct sk_buff *part = alloc_skb(core.net, 200);
        skb_put_data(part, pattern + skb->len, 101);
        *link = part;
        link = &part->next;
        skb->len += 101;
        skb->data_len += 101;
    }
    return skb;
}

TEST("a chain of buffers is read, summed, cloned, copied, pulled and cut like one packet")
{
    struct sk_buff *skb = make_chain(), *clone = skb_clone(skb), *copy = pskb_copy(skb, 0);

    assert_bytes(skb, 0, 503);
    assert_int_equal(csum_fold(skb_checksum(skb, 3, 490, 0)), csum_fold(csum_partial(pattern + 3, 490, 0)));
    assert_true(pskb_may_pull(skb, 250));
    assert_bytes(skb, 0, 503);
    assert_bytes(clone, 0, 503);
    assert_int_equal(skb_trim(clone, 450), 0);
    assert_bytes(clone, 0, 450);
    consume_skb(clone);
    consume_skb(skb);
    assert_bytes(copy, 0, 503);
    consume_skb(copy);
}

TEST("skb_copy_bits refuses what is out of range")
{
    struct sk_buff *skb = make(10, 1, 10);
    uint8_t buf[32];

    assert_int_equal(skb_copy_bits(skb, 0, buf, 21), -EFAULT);
    assert_int_equal(skb_copy_bits(skb, 20, buf, 1), -EFAULT);
    assert_int_equal(skb_copy_bits(skb, 0xffffffff, buf, 2), -EFAULT);
    assert_int_equal(skb_copy_bits(skb, 20, buf, 0), 0);
    consume_skb(skb);
}

TEST("the sum over a packet does not depend on where its bytes lie")
{
    struct sk_buff *skb = make(101, 3, 299);

    for (unsigned offset = 0; offset < 500; offset += 7)
        for (unsigned len = 0; len <= 998 - offset; len += 31)
            assert_int_equal(csum_fold(skb_checksum(skb, offset, len, 0)),
                             csum_fold(csum_partial(pattern + offset, len, 0)));
    consume_skb(skb);
}

TEST("skb_checksum_help finishes a partial checksum, on bytes of its own")
{
    struct sk_buff *skb = make(100, 2, 300), *clone;
    uint8_t buf[700];

    memset(skb->data + 26, 0, 2); /* pseudo-header's sum: zero here */
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (uint16_t)(skb_headroom(skb) + 20);
    skb->csum_offset = 6;
    clone = skb_clone(skb);
    assert_int_equal(skb_checksum_help(clone), 0);
    assert_int_equal(clone->ip_summed, CHECKSUM_NONE);
    assert_int_equal(skb_copy_bits(clone, 0, buf, 700), 0);
    assert_int_equal(csum_fold(csum_partial(buf + 20, 680, 0)), 0);
    assert_int_equal(skb->data[26] | skb->data[27], 0);
    skb->csum_offset = 679;
    assert_int_equal(skb_checksum_help(skb), -EINVAL);
    consume_skb(clone);
    consume_skb(skb);
}

TEST("a checksum that comes out as zero is sent as all ones (RFC 768)")
{
    struct sk_buff *skb = alloc_skb(core.net, 64);

    memset(skb_put(skb, 8), 0, 8);
    memset(skb->data, 0xff, 2);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = 0;
    skb->csum_offset = 6;
    assert_int_equal(skb_checksum_help(skb), 0);
    assert_int_equal(skb->data[6], 0xff);
    assert_int_equal(skb->data[7], 0xff);
    consume_skb(skb);
}

TEST("bytes go out to scattered memory from any offset of a packet")
{
    struct sk_buff *skb = make_chain();

    for (unsigned offset = 0; offset <= 520; offset += 13) {
        uint8_t a[7], b[100], c[600];
        struct iovec iov[] = {{a, sizeof(a)}, {NULL, 0}, {b, sizeof(b)}, {c, sizeof(c)}};
        struct iov_iter iter = {.iov = iov, .count = sizeof(a) + sizeof(b) + sizeof(c)};
        size_t want = offset < 503 ? 503 - offset : 0;
        assert_int_equal(skb_copy_datagram_iter(skb, offset, &iter, 10000), want);
        for (size_t i = 0; i < want; i++) {
            uint8_t byte = i < 7 ? a[i] : i < 107 ? b[i - 7] : c[i - 107];
            assert_int_equal(byte, pattern[offset + i]);
        }
        assert_int_equal(iter.count, 707 - want);
    }
    consume_skb(skb);
}

TEST("a reader with too little room gets what fits")
{
    struct sk_buff *skb = make(50, 1, 50);
    uint8_t a[60];
    struct iovec iov = {a, sizeof(a)};
    struct iov_iter iter = {.iov = &iov, .count = sizeof(a)};

    assert_int_equal(skb_copy_datagram_iter(skb, 0, &iter, 100), 60);
    assert_memory_equal(a, pattern, 60);
    assert_int_equal(skb_copy_datagram_iter(skb, 60, &iter, 40), 0);
    consume_skb(skb);
}

TEST("bytes come in from scattered memory")
{
    uint8_t to[20];
    struct iovec iov[] = {{pattern, 3}, {pattern + 3, 0}, {pattern + 3, 100}};
    struct iov_iter iter = {.iov = iov, .count = 103};

    assert_int_equal(copy_from_iter(to, 2, &iter), 2);
    assert_int_equal(copy_from_iter(to + 2, 18, &iter), 18);
    assert_memory_equal(to, pattern, 20);
    assert_int_equal(iter.count, 83);
}

TEST("queues keep their order and their length")
{
    struct sk_buff_head q;
    struct sk_buff *skb[4];

    skb_queue_head_init(&q);
    assert_null(skb_dequeue(&q));
    for (unsigned i = 0; i < 4; i++)
        skb[i] = make(i + 1, 0, 0);
    skb_queue_tail(&q, skb[1]);
    skb_queue_tail(&q, skb[3]);
    skb_queue_front(&q, skb[0]);
    skb_queue_after(&q, skb[1], skb[2]);
    assert_int_equal(q.qlen, 4);
    assert_ptr_equal(skb_peek_tail(&q), skb[3]);
    assert_ptr_equal(skb_queue_next(&q, skb[1]), skb[2]);
    skb_unlink(&q, skb[2]);
    consume_skb(skb[2]);
    assert_ptr_equal(skb_dequeue(&q), skb[0]);
    consume_skb(skb[0]);
    skb_queue_purge(&q, SKB_DROP_REASON_SOCKET_CLOSE);
    assert_true(skb_queue_empty(&q));
    assert_int_equal(core.net->drops[SKB_DROP_REASON_SOCKET_CLOSE], 2);
}

TEST("every drop reason has its name and its sentence")
{
    for (int i = SKB_NOT_DROPPED_YET + 1; i < SKB_DROP_REASON_MAX; i++) {
        assert_non_null(skb_drop_reason_name(i));
        assert_true(strlen(skb_drop_reason_text(i)) > 5);
    }
    assert_string_equal(skb_drop_reason_name(SKB_DROP_REASON_TCP_CSUM), "TCP_CSUM");
    assert_null(skb_drop_reason_name(SKB_DROP_REASON_MAX));
    assert_string_equal(mib_name(MIB_IpInReceives), "IpInReceives");
    assert_null(mib_name(MIB_MAX));
}

TEST_FIXTURE(setup, core_teardown)
