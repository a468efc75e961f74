/*
 * e1000_model.h - an 8254x, or a later member of its family, as its driver sees it: registers, rings in
 * memory, EEPROM, PHY, interrupts.
 *
 * Models what Intel's manual (317453) says, with QEMU's habits where the driver must live with them: the
 * receiver is deaf for one second after each write of RCTL, statistics that do not clear, transmission that
 * is over when the TDT write returns (or, with tx_ns, later as on a real card). What no driver may do is
 * counted as a violation. Any number of cards may be plugged into the PCI model of the process.
 *
 *     struct e1000_model *card = e1000_model_create(&(struct e1000_model_config){.mac = {2, 0, 0, 0, 0, 1}});
 *     pci_init(); e1000_init(net);
 *     e1000_model_receive(card, frame, len);
 */
#ifndef TESTS_HOST_E1000_MODEL_H
#define TESTS_HOST_E1000_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/host/pci_model.h"

#define E1000_MODEL_MSI 0xd0

/* Which member it is; what differs is in e1000_model_chips.c. */
enum e1000_model_kind {
    E1000_MODEL_8254X,
    E1000_MODEL_82571, /* 82571, 82572 */
    E1000_MODEL_82573,
    E1000_MODEL_82574, /* 82574, 82583 */
    E1000_MODEL_ICH,   /* ICH8 to ICH10 */
    E1000_MODEL_82577,
    E1000_MODEL_82579,
    E1000_MODEL_I217, /* I217, I218 */
    E1000_MODEL_I219,
};

#define E1000_MODEL_FOR_EVER UINT64_MAX

struct e1000_model_config {
    uint16_t device_id; /* 0: 82540EM */
    enum e1000_model_kind kind;
    uint8_t mac[6];
    uint16_t maker;      /* subsystem vendor; 0: QEMU's for an 8254x */
    uint8_t slot;        /* 0: 3 */
    uint8_t irq;         /* 0: 11 */
    bool no_irq;         /* firmware has connected no line */
    bool msi;            /* it can send messages: a capability at E1000_MODEL_MSI */
    bool no_eerd;        /* EERD never answers: Microwire only */
    bool bad_eeprom;     /* two bits of its address are wrong, so its checksum is */
    bool no_address;     /* and the card has loaded none into RAL/RAH */
    bool counters_clear; /* as the manual says, all of them; else as QEMU does it */
    bool never_deaf;     /* no pause after a write of RCTL */
    bool link_down;      /* no cable at first */

    /* Of the later kinds. */
    uint64_t firmware_holds_ms; /* the semaphore, from power-on; or for ever */
    bool smbi_taken;            /* a boot agent has left the drivers' semaphore taken */
    bool managed;               /* there is management firmware ... */
    bool reset_blocked;         /* ... which forbids resetting the PHY */
    bool ultra_low_power;       /* the PHY has been left in it (I218, I219) */
    bool phy_dead;              /* it never answers */
    bool bad_flash;             /* neither bank is signed */
    bool second_bank;           /* the second bank counts */
    unsigned free_addresses;    /* places of the filter that firmware leaves; 0: all */

    uint64_t tx_ns; /* a frame leaves this much after the one before; 0: within the TDT write */
    void (*wire)(void *ctx, const uint8_t *frame, size_t len); /* a frame leaves; may be NULL */
    void *wire_ctx;
};

/* Faults a test switches on and off at any time. */
struct e1000_model_faults {
    unsigned lose_irqs; /* this many interrupts do not reach the handler */
    bool irq_dead;      /* none does */
    bool msi_dead;      /* no message does */
    bool tx_hang;       /* the transmitter stops taking descriptors */
    bool tx_no_done;    /* frames leave, DD is never written */
    uint8_t rx_errors;  /* error bits for received frames */
    uint8_t rx_status;  /* more status bits for received frames (checksum results) */
    bool rx_good_csum;  /* IXSM stays off: the card has looked at checksums */
    bool gone;          /* pulled out: all registers read as ones */
    bool master_stuck;  /* the bus owes it an answer, for ever */
    bool rx_stuck;      /* I219: descriptors are left in the receive ring, too */
};

struct e1000_model_counts {
    uint64_t mmio_reads, mmio_writes;
    uint64_t rctl_writes, rdt_writes, tdt_writes, icr_reads;
    uint64_t irqs;       /* handler calls */
    uint64_t messages;   /* of these by message */
    uint64_t contexts;   /* context descriptors taken */
    uint64_t trains;     /* frames the card has cut into segments */
    uint64_t data_descs; /* data descriptors taken */
    uint64_t frames_sent, frames_received;
    uint64_t tags_inserted, tags_stripped;
    uint64_t phy_restarts, resets, phy_resets, power_cycles;
    uint64_t takes, flushes, flash_reads;
    uint64_t violations;
};

struct e1000_model_context {
    bool loaded;
    uint8_t ipcss, ipcso, tucss, tucso;
    uint16_t ipcse, tucse;
    uint8_t hdrlen; /* this and the rest: of trains only */
    uint16_t mss;
    uint32_t paylen;
};

/* What later kinds have besides: e1000_model_chips.c. */
struct e1000_model_chip {
    uint64_t reset_ns, power_cycle_ns;
    unsigned page;             /* of the PHY */
    uint16_t pages[1024 * 32]; /* its registers behind the first 16 */
    uint16_t emi[65536];       /* its extended management interface */
    uint16_t kmrn[32];
    bool asleep;              /* in ultra low power */
    uint16_t flash[2 * 2048]; /* two banks */
};

struct e1000_model {
    struct pci_model_device pci; /* must stay first */
    struct e1000_model_config config;
    struct e1000_model_faults faults;
    struct e1000_model_counts counts;

    uint32_t regs[0x20000 / 4];
    uint16_t eeprom[64];
    uint16_t phy[32];
    bool cable;
    bool irq_line;
    unsigned wire_of_pin; /* where its pin really comes out; 0: where firmware says */
    bool in_irq;
    uint64_t deaf_until_ns;
    bool tx_scheduled;

    /* Microwire */
    uint32_t eecd;
    unsigned ee_bits;
    uint32_t ee_in;
    uint32_t ee_out;

    struct e1000_model_context context, tso_context;
    uint8_t tx_buf[65536 + 64];
    size_t tx_len;
    uint8_t tx_popts;
    bool tx_tso, tx_tagged;
    uint16_t tx_special, rx_special;

    struct e1000_model_chip chip;
};

enum e1000_model_rx {
    E1000_MODEL_RX_TAKEN,
    E1000_MODEL_RX_FILTERED, /* not for this card */
    E1000_MODEL_RX_OVERSIZE,
    E1000_MODEL_RX_NO_ROOM, /* RDH == RDT: offer it again later */
    E1000_MODEL_RX_DEAF,    /* RCTL was written less than a second ago: likewise */
    E1000_MODEL_RX_OFF,     /* receiver, link or bus mastering off */
};

/* A card in the PCI model's slot, powered on. */
struct e1000_model *e1000_model_create(const struct e1000_model_config *config);
void e1000_model_destroy(struct e1000_model *card);

/* A frame (without CRC) arrives by the wire. */
enum e1000_model_rx e1000_model_receive(struct e1000_model *card, const void *frame, size_t len);
/* The same past the filters and length checks: what a broken card might do. */
enum e1000_model_rx e1000_model_receive_raw(struct e1000_model *card, const void *frame, size_t len);

/* The cable is plugged in or pulled. */
void e1000_model_set_link(struct e1000_model *card, bool up);

/* A register of the PHY behind its first 16. */
uint16_t *e1000_model_phy(struct e1000_model *card, unsigned page, unsigned number);

/* Descriptors the card may fill now. */
unsigned e1000_model_rx_room(const struct e1000_model *card);

#endif
