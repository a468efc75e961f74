/*
 * e1000.h - the driver of Intel's gigabit cards, from the 82540 to the I219: what its files share.
 *
 * On the packet's way this is both ends:
 *
 *     in:  card -> rx.desc[] -> e1000_irq() masks, napi_schedule_irq() -> e1000_poll() -> e1000_rx_poll()
 *              -> build_skb() around the DMA buffer -> napi_gro_receive()
 *     out: dev_queue_xmit() -> e1000_start_xmit() -> tx.desc[] -> e1000_tx_kick(): one doorbell per batch
 *              -> card; e1000_tx_reclaim() finds DD in memory and frees the sk_buff
 *
 * e1000_main.c  probe, net_device_ops, interrupts and NAPI, timers
 * e1000_rx.c    receive ring          e1000_tx.c     transmit ring, checksum offload
 * e1000_hw.c    reset, filters        e1000_eeprom.c station address
 * e1000_phy.c   PHY and link          e1000_stats.c  the card's counters
 * e1000_chips.c the kinds of cards    e1000_lock.c   taking turns with firmware
 * e1000_pcie.c  82571 to 82574        e1000_ich.c    MACs in chipsets
 * e1000_pch.c   their PHYs            e1000_flash.c  their NVM
 */
#ifndef DRIVERS_E1000_E1000_H
#define DRIVERS_E1000_E1000_H

#include "drivers/e1000/e1000_chips.h"
#include "drivers/e1000/e1000_phy_regs.h"
#include "drivers/e1000/e1000_regs.h"
#include "drivers/e1000/e1000_regs_pcie.h"
#include "drivers/pci/pci.h"
#include "kernel/timer.h"
#include "kernel/x86/io.h"
#include "net/core/napi.h"
#include "net/core/netdevice.h"
#include "net/core/skbuff.h"

/* Frame sizes without CRC. 1518: with one VLAN tag. */
#define E1000_ETH_HLEN  14
#define E1000_FRAME_MAX 1518

/*
 * Shortest and longest frame handed to the card. It pads from 17 bytes on (TCTL.PSP, 317453 13.4.33), and
 * takes 16288 bytes in one piece (3.3.3).
 */
#define E1000_TX_FRAME_MIN 17
#define E1000_TX_FRAME_MAX 16288
#define E1000_TX_PIECE_MAX 8192 /* bytes per descriptor */

/* Numbers of descriptors: multiples of 8, so that a ring is a multiple of 128 bytes (13.4.27). */
#define E1000_RING_MIN   8
#define E1000_RING_MAX   4096
#define E1000_RING_STEP  (E1000_RING_LENGTH_ALIGN / 16)
#define E1000_RX_DEFAULT 256
#define E1000_TX_DEFAULT 256
#define E1000_RX_FLOOR   32 /* not made smaller than this when memory is short */
#define E1000_RX_RAM_SHARE                                                                                   \
    16 /* by default the buffers of a receive ring take at most 1/16 of free memory                          \
        */

/*
 * One receive buffer: headroom, a frame of up to 1522 bytes (without RCTL.LPE the card never stores more),
 * and the skb_shared_info at the end. 2048 bytes in all, so two of them share a page.
 */
#define E1000_RX_BUFFER   2048u
#define E1000_RX_HEADROOM (NET_SKB_PAD + NET_IP_ALIGN)
_Static_assert(SKB_BUF_SIZE(E1000_RX_HEADROOM + E1000_FRAME_MAX + 4) <= E1000_RX_BUFFER,
               "frame and shared info fit");

/*
 * Frames up to this length are copied into an sk_buff of their own size and the buffer stays in the ring. It
 * costs some tens of nanoseconds, about what swapping the buffer does, and the frames a socket may hold in
 * great number (ACKs, requests, a flood of small segments) then take a quarter of the memory, which is what
 * counts on a 4 MiB machine.
 */
#define E1000_RX_COPYBREAK 128

/*
 * Free receive descriptors are announced (RDT) when this many have gathered, but at least once per quarter
 * ring: the write costs more than receiving a small frame.
 */
#define E1000_RDT_BATCH 16u

/* Frames that may wait for the doorbell (TDT) of the next NET_TX_SOFTIRQ; one more rings it at once. */
#define E1000_TDT_BATCH 16u

/* Bytes in the ring at first (byte queue limits, net/core/dql.h): a batch. It is found anew with each load.
 */
#define E1000_TX_FIRST_LIMIT (E1000_TDT_BATCH * E1000_FRAME_MAX)

/* Descriptors of the largest frame: context, linear part, frags. Below this many free the queue is stopped.
 */
#define E1000_TX_NEEDED (MAX_SKB_FRAGS + 2)

/* A train of GSO_MAX_SEGS segments takes a quarter as many descriptors more. Smaller rings leave it to the
 * stack. */
#define E1000_TX_TSO_RING 64

/*
 * Interrupts at most every 50 us: NAPI polls for 200 us after the last frame anyway, so this only bounds what
 * a storm can do; at the first frame after silence it delays nothing. Measured under QEMU (which never goes
 * below 128 us) with 1 to 256 HTTP connections: 50 us is level with none at all, 500 us costs a quarter to a
 * third of the requests/s at 16 and 64 connections.
 */
#define E1000_ITR_NS 50000u

#define E1000_SLOW_CHECK_MS 2000 /* link and lost interrupts, in case the card does not tell */
#define E1000_STATS_EVERY   30   /* slow checks: a minute, long before a 32-bit counter is full */
#define E1000_LOST_IRQS_MAX 3    /* then interrupts are not trusted any more */
#define E1000_POLL_MS       1    /* period of polling without interrupts */
#define E1000_IRQ_TEST_US   5000
#define E1000_TX_RECLAIM_MS 10 /* a real card sends later; look again after this */
#define E1000_TX_HANG_MS    2000

/* Causes that raise an interrupt. Sent frames do not: the ring in memory tells. */
#define E1000_IRQ_CAUSES (E1000_ICR_LSC | E1000_ICR_RXSEQ | E1000_ICR_RXDMT0 | E1000_ICR_RXO | E1000_ICR_RXT0)

/*
 *            next                        A descriptor always owns a buffer. The card owns all from next on
 * except v                          those not yet announced: RDT stands `unannounced` + 1 behind next. | R |
 * R | D | D |   |   |   |   |    D: done, to be received   R: received and refilled, unannounced
 */
struct e1000_rx_ring {
    struct e1000_rx_desc *desc;
    void **buffer; /* kmalloc(E1000_RX_BUFFER) each */
    uint32_t count;
    uint32_t next;
    uint32_t unannounced;
    uint32_t announce_at;
    bool skip_to_eop; /* inside a frame of several buffers, which is dropped */
};

/* Kept in the slot of a frame's first descriptor. */
struct e1000_tx_buffer {
    struct sk_buff *skb;
    uint32_t eop; /* its last descriptor, where DD will stand */
};

/*
 *       clean           use              clean..use: queued, the card reads them
 *         v              v
 *   |   | Q | Q | Q | Q |   |   |        One slot stays empty: TDH == TDT means an empty ring.
 */
struct e1000_tx_ring {
    union e1000_tx_desc *desc;
    struct e1000_tx_buffer *buffer;
    uint32_t count;
    uint32_t clean, use;
    uint32_t unannounced; /* frames behind TDT */
    uint32_t stop_at, wake_at;
    bool reclaiming;
    bool context_valid;
    uint16_t context_start, context_offset; /* the checksum context the card has loaded */
    uint64_t progress_ms;                   /* when a frame was last seen to have left */
};

struct e1000_counters;

struct e1000_adapter {
    struct net_device *netdev;
    struct pci_dev *pci;
    const struct e1000_chip *chip;
    volatile uint8_t *regs;
    struct e1000_rx_ring rx;
    struct e1000_tx_ring tx;
    struct napi_struct napi;

    bool up;            /* between ndo_open and ndo_stop */
    bool hw_running;    /* RCTL and TCTL are on */
    unsigned irq_types; /* PCI_IRQ_... that this card can do */
    bool irq_granted;   /* request_irq() succeeded, for pci->irq */
    bool polling;       /* interrupts do not arrive: poll_timer works */
    /* Written by the interrupt handler. */
    volatile bool link_event;
    volatile uint32_t irq_count;

    uint32_t lost_irqs;
    uint32_t rctl;                 /* what RCTL holds */
    uint32_t mta[E1000_MTA_WORDS]; /* what the card's table holds */
    unsigned addrs;                /* places of the address filter in use */
    bool too_many_addrs;           /* ... and there were not enough */
    unsigned slow_checks;
    bool use_microwire;   /* EERD does not answer */
    bool gone;            /* pulled out, or off the bus for another reason: all its registers read as ones */
    bool has_tso;         /* at the right speed */
    uint32_t link_status; /* STATUS as the stack was last told: link, speed, duplex */

    /* The PHY, and who has it: e1000_phy.c, e1000_lock.c, e1000_pch.c. */
    uint32_t phy_id; /* 0: not asked */
    unsigned phy_address;
    bool phy_lost;  /* does not answer, or firmware keeps it */
    bool lock_lost; /* firmware keeps it */
    unsigned lock_depth;

    volatile uint8_t *flash; /* e1000_flash.c */
    uint32_t flash_base, flash_bank_words, flash_count;

    struct timer slow_timer, poll_timer, tx_timer;
    uint32_t *stat_last; /* e1000_stats.c */
};

static inline uint32_t e1000_read(const struct e1000_adapter *adapter, unsigned reg)
{
    return readl(adapter->regs + reg);
}

static inline void e1000_write(struct e1000_adapter *adapter, unsigned reg, uint32_t value)
{
    writel(value, adapter->regs + reg);
}

/* Posted writes have reached the card when this returns. */
static inline void e1000_flush(struct e1000_adapter *adapter)
{
    e1000_read(adapter, E1000_STATUS);
}

/* Clears bits of a register, then sets some. */
void e1000_change(struct e1000_adapter *adapter, unsigned reg, uint32_t clear, uint32_t set);

/* Busy-waits; for resets only. */
void e1000_msleep(unsigned ms);

/* Waits until (register & bit) == want. Return: whether it came within `usec`. */
bool e1000_wait(struct e1000_adapter *adapter, unsigned reg, uint32_t bit, uint32_t want, unsigned usec);

/* --- e1000_main.c --- */

/**
 * e1000_init - take every card of the family on the bus; each becomes an Ethernet device of `net`
 *
 * To be called as early in the boot as memory, time and PCI allow: probing turns the receiver on, and QEMU's
 * model then stays deaf for one second, which the rest of the boot can use. Frames that come before
 * dev_open() wait in the ring. Return: how many cards there are.
 */
int e1000_init(struct net *net);
void e1000_exit(void); /* all devices must be closed */

/* The card is not there any more: says so once and stops the interface, for good. */
void e1000_card_gone(struct e1000_adapter *adapter);

/* --- e1000_hw.c --- */
void e1000_reset_mac(struct e1000_adapter *adapter); /* the plain reset, in the middle of e1000_reset_hw() */
void e1000_reset_hw(struct e1000_adapter *adapter);  /* everything off, interrupts masked, defaults loaded */
void e1000_start_hw(
    struct e1000_adapter *adapter); /* rings, filters, transmitter, then the receiver: RCTL once */
void e1000_stop_hw(struct e1000_adapter *adapter); /* no DMA into or out of the rings any more */
void e1000_set_rx_mode(struct net_device *dev);
void e1000_set_mac_address(struct net_device *dev);

/* --- e1000_eeprom.c --- */
/* The station address: from the EEPROM, from the card's filter, or one made up. */
void e1000_read_mac(struct e1000_adapter *adapter, uint8_t *mac);

/* --- e1000_lock.c --- */
/*
 * The PHY is ours alone from here to e1000_unlock(). May be nested. Return: false if firmware keeps it; then
 * e1000_unlock() must not be called.
 */
bool __must_check e1000_lock(struct e1000_adapter *adapter);
void e1000_unlock(struct e1000_adapter *adapter);
bool __must_check e1000_swflag_take(struct e1000_adapter *adapter);
void e1000_swflag_give(struct e1000_adapter *adapter);

/* --- e1000_pcie.c, e1000_ich.c, e1000_pch.c: steps that e1000_chips.c names --- */
void e1000_pcie_quiesce(struct e1000_adapter *adapter);
void e1000_pcie_set_txdctl(struct e1000_adapter *adapter, uint32_t more);
void e1000_pcie_tell_firmware(struct e1000_adapter *adapter, bool loaded);
void e1000_82571_reset(struct e1000_adapter *adapter);
void e1000_82571_set_bits(struct e1000_adapter *adapter);
void e1000_82571_link_changed(struct e1000_adapter *adapter, uint32_t status);
void e1000_82573_set_bits(struct e1000_adapter *adapter);
void e1000_82574_set_bits(struct e1000_adapter *adapter);

void e1000_ich_reset(struct e1000_adapter *adapter);
void e1000_ich_set_bits(struct e1000_adapter *adapter);
bool e1000_ich_managed(struct e1000_adapter *adapter); /* there is management firmware */
bool e1000_ich_phy_reset_blocked(struct e1000_adapter *adapter);
void e1000_ich_gate_phy(struct e1000_adapter *adapter, bool gate);
uint16_t e1000_kmrn_read(struct e1000_adapter *adapter, unsigned offset);
void e1000_kmrn_write(struct e1000_adapter *adapter, unsigned offset, uint16_t value);

void e1000_pch_wake_phy(struct e1000_adapter *adapter);
void e1000_pch_fix_phy(struct e1000_adapter *adapter);
void e1000_pch_set_oem_bits(struct e1000_adapter *adapter);
void e1000_pch_link_changed(struct e1000_adapter *adapter, uint32_t status);

/* --- e1000_flash.c --- */
int __must_check e1000_flash_read(struct e1000_adapter *adapter, unsigned word,
                                  uint16_t *value); /* 0 or -EIO */

/* --- e1000_phy.c --- */
/* `reg` is PHY_REG(page, number). 0, -EBUSY (firmware has the PHY), -ETIMEDOUT or -EIO. */
int __must_check e1000_phy_read(struct e1000_adapter *adapter, unsigned reg, uint16_t *value);
int e1000_phy_write(struct e1000_adapter *adapter, unsigned reg, uint16_t value);
void e1000_setup_phy(struct e1000_adapter *adapter);
void e1000_check_link(struct e1000_adapter *adapter); /* tells the stack what STATUS says */

/* --- e1000_rx.c --- */
int __must_check e1000_rx_alloc(struct e1000_adapter *adapter, uint32_t count); /* 0 or -ENOMEM */
void e1000_rx_free(struct e1000_adapter *adapter);
void e1000_rx_start(struct e1000_adapter *adapter); /* programs the card; all descriptors are its */
int e1000_rx_poll(struct e1000_adapter *adapter, int budget);

/* Frames wait in the ring. A look at memory, not at the card. */
static inline bool e1000_rx_ready(const struct e1000_adapter *adapter)
{
    return READ_ONCE(adapter->rx.desc[adapter->rx.next].status) & E1000_RXD_STAT_DD;
}

/* --- e1000_tx.c --- */
int __must_check e1000_tx_alloc(struct e1000_adapter *adapter, uint32_t count); /* 0 or -ENOMEM */
void e1000_tx_free(struct e1000_adapter *adapter);
void e1000_tx_start(struct e1000_adapter *adapter);
void e1000_tx_drop_all(struct e1000_adapter *adapter,
                       enum skb_drop_reason reason); /* the card must be silent */
void e1000_tx_reclaim(struct e1000_adapter *adapter);
void e1000_tx_watch(struct timer *timer); /* tx_timer */
void e1000_tx_watch_start(struct e1000_adapter *adapter, unsigned delay_ms);
enum netdev_tx e1000_start_xmit(struct sk_buff *skb, struct net_device *dev);
void e1000_tx_kick(struct net_device *dev);
void e1000_tx_timeout(struct net_device *dev);

static inline bool e1000_tx_empty(const struct e1000_adapter *adapter)
{
    return adapter->tx.clean == adapter->tx.use;
}

/* --- e1000_stats.c --- */
int __must_check e1000_stats_alloc(struct e1000_adapter *adapter);
void e1000_stats_free(struct e1000_adapter *adapter);
void e1000_update_stats(struct net_device *dev);

#endif
