/*
 * e1000_main.c - the driver of Intel's gigabit cards: from PCI to net_device, interrupts and NAPI.
 *
 * pci_register_driver() calls e1000_probe() at boot; dev_open() and dev_close() switch the device on and off.
 * On the packet's way stand e1000_irq(), which masks the card and schedules, and e1000_poll(), which
 * NET_RX_SOFTIRQ calls.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <stdio.h>

#include "drivers/pci/pcie.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/time.h"

#define PCI_SUBSYSTEM_QEMU 0x1af4 /* whose vendor QEMU's 8254x give as their maker */

/* --- interrupts and NAPI --- */

/*
 * Runs on top of anything: notes, masks, schedules. While masked (a poll is under way) it is another device
 * of the same line that calls; causes read here are not lost then, because the poll looks at the ring and at
 * link_event.
 *
 * The same does for messages (MSI), which are edges: the card sends one whenever a cause that is let through
 * (ICR and IMS) appears where none was. Reading ICR takes all of them away, so the next one is an edge again;
 * and a cause that came while masked is one at the moment of unmasking.
 */
static enum irqreturn e1000_irq(unsigned irq, void *arg)
{
    struct e1000_adapter *adapter = arg;
    uint32_t causes = e1000_read(adapter, E1000_ICR);

    if (causes & E1000_ICR_LSC)
        adapter->link_event = true;
    if (!(causes & E1000_IRQ_CAUSES))
        return IRQ_NONE;
    e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    adapter->irq_count++;
    napi_schedule_irq(&adapter->napi);
    return IRQ_HANDLED;
}

/*
 * The end of polling. Reading ICR forgets the causes of what has been polled already, which would otherwise
 * interrupt at once for nothing; and since it is a read, all that the card wrote before is in memory when it
 * returns. A frame that comes later raises a cause again, so either the mask lets an interrupt through or the
 * second look finds it.
 */
static void e1000_irq_unmask(struct e1000_adapter *adapter)
{
    if (!adapter->polling) {
        if (e1000_read(adapter, E1000_ICR) & E1000_ICR_LSC)
            adapter->link_event = true;
        e1000_write(adapter, E1000_IMS, E1000_IRQ_CAUSES);
    }
    if (!e1000_rx_ready(adapter) && !adapter->link_event)
        return;
    if (!adapter->polling)
        e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    napi_schedule(&adapter->napi);
}

static int e1000_poll(struct napi_struct *napi, int budget)
{
    struct e1000_adapter *adapter = container_of(napi, struct e1000_adapter, napi);
    int work;

    if (unlikely(!adapter->up)) {
        napi_complete_done(napi, 0);
        return 0;
    }
    if (unlikely(adapter->link_event))
        e1000_check_link(adapter);
    e1000_tx_reclaim(adapter);
    work = e1000_rx_poll(adapter, budget);
    if (work < budget && napi_complete_done(napi, work))
        e1000_irq_unmask(adapter);
    return work;
}

/* --- when interrupts do not arrive --- */

static void e1000_poll_tick(struct timer *timer)
{
    struct e1000_adapter *adapter = container_of(timer, struct e1000_adapter, poll_timer);

    napi_schedule(&adapter->napi);
    mod_timer(timer, ktime_get_ms() + E1000_POLL_MS);
}

static void e1000_go_polling(struct e1000_adapter *adapter, const char *why)
{
    pr_warn("%s: interrupts of the card (line %u) %s: polling it every millisecond instead\n",
            adapter->netdev->name, adapter->pci->irq_line, why);
    adapter->polling = true;
    e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    mod_timer(&adapter->poll_timer, ktime_get_ms() + E1000_POLL_MS);
}

/* Lets the card interrupt by software (ICS). Return: whether the handler ran. */
static bool e1000_irq_test(struct e1000_adapter *adapter)
{
    uint32_t before = adapter->irq_count;

    e1000_write(adapter, E1000_IMS, E1000_IRQ_CAUSES);
    e1000_write(adapter, E1000_ICS, E1000_ICR_RXDMT0);
    for (unsigned us = 0; us < E1000_IRQ_TEST_US; us++) {
        if (adapter->irq_count != before)
            return true;
        udelay(1);
    }
    e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    return false;
}

/* A frame that nobody polls although the card may interrupt: an interrupt got lost on its way. */
static void e1000_check_lost_irq(struct e1000_adapter *adapter)
{
    if (adapter->polling || adapter->napi.scheduled || !e1000_rx_ready(adapter))
        return;
    if (++adapter->lost_irqs == E1000_LOST_IRQS_MAX) {
        e1000_go_polling(adapter, "get lost");
    } else {
        pr_warn("%s: an interrupt was lost; going on\n", adapter->netdev->name);
        e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    }
    napi_schedule(&adapter->napi);
}

static void e1000_slow_check(struct timer *timer)
{
    struct e1000_adapter *adapter = container_of(timer, struct e1000_adapter, slow_timer);

    e1000_check_link(adapter);
    if (adapter->gone)
        return;
    e1000_check_lost_irq(adapter);
    if (++adapter->slow_checks % E1000_STATS_EVERY == 0)
        e1000_update_stats(adapter->netdev);
    mod_timer(timer, ktime_get_ms() + E1000_SLOW_CHECK_MS);
}

/* --- net_device_ops --- */

static void e1000_release_irq(struct e1000_adapter *adapter)
{
    if (adapter->irq_granted)
        free_irq(adapter->pci->irq, adapter);
    adapter->irq_granted = false;
}

/* Goes through the ways an interrupt may come until one is seen to. tried: how many there were. */
static bool e1000_find_irq(struct e1000_adapter *adapter, unsigned *tried)
{
    struct pci_dev *pci = adapter->pci;

    *tried = 0;
    for (int err = pci_alloc_irq(pci, adapter->irq_types); !err; err = pci_next_irq(pci)) {
        adapter->irq_granted = request_irq(pci->irq, e1000_irq, adapter->netdev->name, adapter) == 0;
        *tried += adapter->irq_granted;
        if (adapter->irq_granted && e1000_irq_test(adapter))
            return true;
        pr_info("%s: no interrupt comes by %s, irq %u\n", adapter->netdev->name, pci_irq_type_name(pci),
                pci->irq);
        e1000_release_irq(adapter);
    }
    return false;
}

static void e1000_log_irq(const struct e1000_adapter *adapter)
{
    const struct pci_dev *pci = adapter->pci;
    struct irq_stat stat;

    if (pci->irq_type == PCI_IRQ_INTX && irq_get_stat(pci->irq, &stat))
        pr_info("%s: irq %u, INTx through %s\n", adapter->netdev->name, pci->irq, stat.chip);
    else
        pr_info("%s: irq %u, %s\n", adapter->netdev->name, pci->irq, pci_irq_type_name(pci));
}

static void e1000_start_irq(struct e1000_adapter *adapter)
{
    unsigned tried;

    adapter->polling = false;
    adapter->lost_irqs = 0;
    if (cmdline_get_long("e1000.polling", 0))
        e1000_go_polling(adapter, "are not wanted (e1000.polling)");
    else if (e1000_find_irq(adapter, &tried))
        e1000_log_irq(adapter);
    else
        e1000_go_polling(adapter, tried ? "do not arrive" : "cannot be had");
    /* Interrupts are masked now in all cases: this poll looks at what has come so far, and unmasks. */
    napi_schedule(&adapter->napi);
}

static int e1000_open(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;

    if (adapter->gone)
        return -ENODEV;
    if (!adapter->hw_running)
        e1000_start_hw(adapter);
    else
        e1000_set_rx_mode(dev);
    adapter->up = true;
    e1000_start_irq(adapter);
    e1000_check_link(adapter);
    if (!dev->carrier)
        pr_notice("%s: no link yet; goes on by itself once there is one (is the cable plugged in?)\n",
                  dev->name);
    mod_timer(&adapter->slow_timer, ktime_get_ms() + E1000_SLOW_CHECK_MS);
    return 0;
}

/* Nothing of this device runs any more, and no frame is left in its ring. The card is silent already. */
static void e1000_let_go(struct e1000_adapter *adapter, enum skb_drop_reason reason)
{
    adapter->up = false;
    del_timer(&adapter->slow_timer);
    del_timer(&adapter->poll_timer);
    del_timer(&adapter->tx_timer);
    e1000_release_irq(adapter);
    pci_free_irq(adapter->pci);
    e1000_tx_drop_all(adapter, reason);
    netif_carrier_off(adapter->netdev);
}

/*
 * The PCI Express members are reset, not only stopped: some of them do not start a receiver again that was
 * switched off alone (82574, 82583), and the I219 must have its rings emptied while the frames in them are
 * still there.
 */
static void e1000_stop(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;

    if (adapter->gone)
        return;
    e1000_update_stats(dev);
    if (adapter->chip->flags & E1000_IS_PCIE)
        e1000_reset_hw(adapter);
    else
        e1000_stop_hw(adapter);
    e1000_tx_reclaim(adapter);
    e1000_let_go(adapter, SKB_DROP_REASON_DEV_READY);
}

void e1000_card_gone(struct e1000_adapter *adapter)
{
    if (adapter->gone)
        return;
    pr_err(
        "%s: the card does not answer any more (pulled out?); the interface stays down until the next boot\n",
        adapter->netdev->name);
    adapter->gone = true;
    adapter->hw_running = false;
    e1000_let_go(adapter, SKB_DROP_REASON_DEV_READY);
}

/*
 * ndo_tx_timeout, and from e1000_tx_watch(), which notices a hang before the queue is full. Who calls has
 * counted it. The transmitter hangs: start the card anew. Frames in its ring are dropped, since one of them
 * may be what it hangs on; TCP sends them again, and received ones in the ring are taken first.
 */
void e1000_tx_timeout(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;

    if (!adapter->up || !dev->carrier)
        return;
    if (e1000_read(adapter, E1000_STATUS) == E1000_ALL_ONES) {
        e1000_card_gone(adapter);
        return;
    }
    pr_warn("%s: the card has sent nothing for %u ms; resetting it\n", dev->name, E1000_TX_HANG_MS);
    e1000_update_stats(dev);
    e1000_stop_hw(adapter);
    while (e1000_rx_ready(adapter))
        e1000_rx_poll(adapter, NAPI_POLL_WEIGHT);
    e1000_reset_hw(adapter); /* first: until then the card may read the frames */
    e1000_tx_drop_all(adapter, SKB_DROP_REASON_DEV_RESET);
    e1000_start_hw(adapter);
    napi_schedule(&adapter->napi); /* unmasks when it completes */
    netif_wake_queue(dev);
}

static const struct net_device_ops e1000_netdev_ops = {
    .ndo_open = e1000_open,
    .ndo_stop = e1000_stop,
    .ndo_start_xmit = e1000_start_xmit,
    .ndo_tx_kick = e1000_tx_kick,
    .ndo_set_rx_mode = e1000_set_rx_mode,
    .ndo_set_mac_address = e1000_set_mac_address,
    .ndo_tx_timeout = e1000_tx_timeout,
    .ndo_update_stats = e1000_update_stats,
};

/* --- command line: e1000.rx=256 e1000.tx=256 --- */

static uint32_t e1000_ring_param(const char *key, uint32_t fallback)
{
    long count = cmdline_get_long(key, (long)fallback);

    if (count >= E1000_RING_MIN && count <= E1000_RING_MAX && count % E1000_RING_STEP == 0)
        return (uint32_t)count;
    long nearest = clamp(count, (long)E1000_RING_MIN, (long)E1000_RING_MAX);
    pr_warn(
        "%s=%ld: a ring has %u to %u descriptors, a multiple of %u; using %u (write %s=%ld for the nearest)\n",
        key, count, E1000_RING_MIN, E1000_RING_MAX, E1000_RING_STEP, fallback, key,
        ALIGN_UP(nearest, (long)E1000_RING_STEP));
    return fallback;
}

/* Receive buffers are the driver's memory: few of them on a machine that has little. */
static uint32_t e1000_rx_default(void)
{
    struct page_stats stats;
    uint32_t count = E1000_RX_DEFAULT;

    page_get_stats(&stats);
    while (count > E1000_RX_FLOOR && count > stats.free / E1000_RX_RAM_SHARE * (PAGE_SIZE / E1000_RX_BUFFER))
        count /= 2;
    return count;
}

/* The rings as large as asked, or as memory allows. 0 or -ENOMEM. */
static int e1000_alloc_rings(struct e1000_adapter *adapter)
{
    uint32_t rx_count = e1000_ring_param("e1000.rx", e1000_rx_default());
    uint32_t tx_count = e1000_ring_param("e1000.tx", E1000_TX_DEFAULT);
    uint32_t count = rx_count;

    if (e1000_tx_alloc(adapter, tx_count) < 0)
        return -ENOMEM;
    while (e1000_rx_alloc(adapter, count) < 0) {
        count = count / 2 / E1000_RING_STEP * E1000_RING_STEP;
        if (count < E1000_RING_MIN)
            return -ENOMEM;
    }
    if (count < rx_count)
        pr_warn("e1000: not enough memory for %u receive buffers; using %u\n", rx_count, count);
    return 0;
}

/* --- probe --- */

static int e1000_map(struct e1000_adapter *adapter)
{
    struct pci_dev *pci = adapter->pci;

    if (pci_enable_device(pci) < 0 || pci->bar[E1000_BAR_REGISTERS].size < E1000_REG_SPACE)
        return -ENODEV;
    adapter->regs = pci_ioremap_bar(pci, E1000_BAR_REGISTERS);
    if (!adapter->regs)
        return -ENOMEM;
    pci_set_master(pci);
    pcie_disable_aspm(pci, (adapter->chip->flags & E1000_NO_ASPM_L0S ? PCIE_ASPM_L0S : 0) |
                               (adapter->chip->flags & E1000_NO_ASPM_L1 ? PCIE_ASPM_L1 : 0));
    return 0;
}

static void e1000_setup_netdev(struct e1000_adapter *adapter)
{
    struct net_device *dev = adapter->netdev;

    dev->netdev_ops = &e1000_netdev_ops;
    dev->driver = "e1000";
    snprintf(dev->bus_info, sizeof(dev->bus_info), "0000:%02x:%02x.%u", adapter->pci->bus, adapter->pci->slot,
             adapter->pci->func);
    dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_HW_VLAN_CTAG_TX |
                    NETIF_F_HW_VLAN_CTAG_RX | NETIF_F_XDP;
    dev->watchdog_ms = E1000_TX_HANG_MS;
    dql_reset(&dev->dql, E1000_TX_FIRST_LIMIT);
    netif_carrier_off(dev);
    timer_setup(&adapter->slow_timer, e1000_slow_check);
    timer_setup(&adapter->poll_timer, e1000_poll_tick);
    timer_setup(&adapter->tx_timer, e1000_tx_watch);
}

/*
 * Until version 8.0 QEMU's 82574 sends a train as one datagram in IP fragments if the network behind it cuts
 * no trains itself. It is known by a subsystem that no maker's card has: Intel's, number 0.
 */
static bool e1000_fragments_trains(const struct pci_dev *pci)
{
    return pci->device == E1000_QEMU_82574 && pci->subsystem_vendor == pci->vendor && !pci->subsystem_device;
}

static bool e1000_may_cut_trains(const struct e1000_adapter *adapter)
{
    unsigned flags = adapter->chip->flags;
    bool emulated = adapter->pci->subsystem_vendor == PCI_SUBSYSTEM_QEMU;

    return !(flags & E1000_NO_TSO) && (!(flags & E1000_TSO_EMULATED) || emulated) &&
           !e1000_fragments_trains(adapter->pci);
}

/* An emulated card ends a train of full segments with an empty one, so trains must end in a shorter one. */
static void e1000_setup_tso(struct e1000_adapter *adapter)
{
    if (!e1000_may_cut_trains(adapter) || adapter->tx.count < E1000_TX_TSO_RING)
        return;
    adapter->has_tso = true;
    adapter->netdev->features |= NETIF_F_TSO | NETIF_F_TSO_SHORT_TAIL;
}

static void e1000_free(struct e1000_adapter *adapter)
{
    e1000_tx_free(adapter);
    e1000_rx_free(adapter);
    e1000_stats_free(adapter);
    free_netdev(adapter->netdev);
}

/* From an unknown card to one that receives into its ring. 0 or -E.... */
static int e1000_bring_up(struct e1000_adapter *adapter)
{
    int err = e1000_map(adapter);

    if (err)
        return err;
    if (adapter->chip->wake)
        adapter->chip->wake(adapter);
    e1000_reset_hw(adapter);
    err = e1000_stats_alloc(adapter);
    if (!err)
        err = e1000_alloc_rings(adapter);
    if (err)
        return err;
    e1000_setup_tso(adapter);
    e1000_read_mac(adapter, adapter->netdev->dev_addr);
    e1000_setup_phy(adapter);
    e1000_start_hw(adapter);
    return 0;
}

static void e1000_log_card(const struct e1000_adapter *adapter)
{
    const struct pci_dev *pci = adapter->pci;
    const uint8_t *mac = adapter->netdev->dev_addr;

    pr_info("%s: %s at PCI %02x:%02x.%x, %02x:%02x:%02x:%02x:%02x:%02x, rings: %u receive, %u transmit\n",
            adapter->netdev->name, pci_device_name(pci), pci->bus, pci->slot, pci->func, mac[0], mac[1],
            mac[2], mac[3], mac[4], mac[5], adapter->rx.count, adapter->tx.count);
}

/* Silences a card whose memory is about to go. */
static void e1000_silence(struct e1000_adapter *adapter)
{
    if (!adapter->regs)
        return;
    e1000_reset_hw(adapter);
    e1000_pcie_tell_firmware(adapter, false);
    pci_clear_master(adapter->pci);
}

static const char *e1000_why(int err)
{
    return err == -ENOMEM ? "not enough memory" : "firmware has given it no usable registers";
}

/*
 * PCI Express members send messages; one does for all causes, so the 82574's MSI-X, which would want them
 * dealt out (IVAR), is left alone. Some of the 8254x can do it too, but no driver in wide use has ever relied
 * on that.
 */
static unsigned e1000_irq_types(const struct e1000_chip *chip)
{
    return chip->flags & E1000_IS_PCIE ? PCI_IRQ_MSI | PCI_IRQ_INTX : PCI_IRQ_INTX;
}

static int e1000_probe(struct pci_dev *pci, const struct pci_device_id *id, void *ctx)
{
    struct net_device *dev = alloc_etherdev(sizeof(struct e1000_adapter));
    struct e1000_adapter *adapter;
    int err = -ENOMEM;

    if (!dev)
        goto fail;
    adapter = dev->priv;
    adapter->netdev = dev;
    adapter->pci = pci;
    adapter->chip = e1000_chip_of(id);
    adapter->irq_types = e1000_irq_types(adapter->chip);
    adapter->phy_address = E1000_PHY_ADDRESS;
    e1000_setup_netdev(adapter);
    err = e1000_bring_up(adapter);
    if (!err)
        err = register_netdev(ctx, dev);
    if (err)
        goto free_card;
    netif_napi_add(dev, &adapter->napi, e1000_poll, NAPI_POLL_WEIGHT);
    pci->drvdata = adapter;
    e1000_log_card(adapter);
    return 0;

free_card:
    e1000_silence(adapter);
    e1000_free(adapter);
fail:
    pr_err("e1000 %02x:%02x.%x: %s cannot be used: %s\n", pci->bus, pci->slot, pci->func,
           pci_device_name(pci), e1000_why(err));
    return err;
}

static void e1000_remove(struct pci_dev *pci)
{
    struct e1000_adapter *adapter = pci->drvdata;

    unregister_netdev(adapter->netdev);
    netif_napi_del(&adapter->napi);
    e1000_silence(adapter);
    e1000_free(adapter);
}

static struct pci_driver e1000_driver = {
    .name = "e1000",
    .id_table = e1000_ids,
    .probe = e1000_probe,
    .remove = e1000_remove,
};

int e1000_init(struct net *net)
{
    return pci_register_driver(&e1000_driver, net);
}

void e1000_exit(void)
{
    pci_unregister_driver(&e1000_driver);
}
