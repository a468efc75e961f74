/*
 * test_link_queues.c - virtual devices that go while packets of theirs wait in the card's discipline below
 * them. What waits is sent or dropped by name, and nothing points at what has gone. (They have no queue of
 * their own.)
 */
#include "libc/include/skiff/qdisc.h"

#include "net/sched/sched.h"
#include "net/socket/socket.h"
#include "tests/unit/link_net.h"

#define WAITING 20
#define FULL    10 /* packets that the disciplines of these tests hold at most */

static const char *const kinds[] = {"fq_codel,limit=10", "pfifo,limit=10",
                                    "tbf,rate=8kbit,burst=2k,limit=3000"};

static int setup(void **state)
{
    link_setup(state);
    assert_int_equal(sched_init(core.net), 0);
    return 0;
}

static int teardown(void **state)
{
    /* The devices go first: their disciplines are of the room that goes next. */
    core.busy = false;
    netif_wake_queue(core.dev);
    host_advance_ms(1000);
    dev_close(core.dev);
    sched_exit(core.net);
    return link_teardown(state);
}

static void use(const char *dev, const char *kind)
{
    struct qdisc_why why = {.text = ""};
    char text[128];

    snprintf(text, sizeof(text), "%s:%s", dev, kind);
    if (qdisc_replace(core.net, text, &why))
        fail_msg("%s: %s", text, why.text);
}

static void make(const char *word, const char *value)
{
    const char *why = "";

    if (link_configure(core.net, word, value, &why))
        fail_msg("%s=%s: %s", word, value, why);
    host_run();
}

static uint64_t dropped(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < SKB_DROP_REASON_MAX; i++)
        sum += core.net->drops[i];
    return sum;
}

/* More than the discipline holds goes out by `name` while the wire is stopped. Return: what waits. */
static unsigned fill(const char *name)
{
    uint64_t before = dropped();
    size_t sent = core.count;

    netif_stop_queue(core.dev);
    for (unsigned i = 0; i < WAITING; i++)
        send_frame(device(name), peer_mac, 200);
    assert_int_equal(core.count, sent);
    unsigned waiting = core.net->skb_count;
    assert_true(waiting && waiting < WAITING);
    assert_int_equal(waiting + (dropped() - before), WAITING);
    return waiting;
}

/* The card carries on: what its queue has taken from a device that goes is its own. */
static void leaves_the_card_what_waits(const char *word, const char *value, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *why = NULL;
        make(word, value);
        use("eth0", kinds[i]);
        unsigned waiting = fill(name);
        uint64_t before = dropped();
        size_t sent = core.count;
        assert_int_equal(link_del(device(name), &why), 0);
        assert_null(dev_get_by_name(core.net, name));
        assert_int_equal(core.net->skb_count, waiting);
        netif_wake_queue(core.dev);
        host_advance_ms(60000);
        assert_int_equal(core.count - sent + (dropped() - before), waiting);
        assert_true(core.count > sent);
        assert_int_equal(core.net->skb_count, 0);
        core.count = 0;
    }
}

TEST("a VLAN that goes leaves the card what waits there")
{
    leaves_the_card_what_waits("vlan", "eth0.10", "eth0.10");
}

TEST("a macvlan that goes leaves the card what waits there")
{
    leaves_the_card_what_waits("macvlan", "mac0:eth0", "mac0");
}

TEST("a bridge that goes leaves its port what waits there")
{
    leaves_the_card_what_waits("bridge", "br0:eth0", "br0");
}

TEST("a port that leaves a bridge while its queue is full sends what it was given")
{
    make("bridge", "br0:eth0");
    use("eth0", "pfifo,limit=10");
    unsigned waiting = fill("br0");
    assert_int_equal(link_set_master(core.dev, NULL, NULL), 0);
    assert_int_equal(core.net->skb_count, waiting);
    netif_wake_queue(core.dev);
    host_run();
    assert_int_equal(core.count, waiting);
}

TEST_FIXTURE(setup, teardown)
