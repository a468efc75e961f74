/*
 * e1000_model_chips.c - what the later members of the family have that an 8254x has not: semaphores shared
 * with firmware, PHYs with pages, a reset that must be prepared, a flash, power saving. See e1000_model.h.
 *
 * Built from what Intel's manuals say and from what its open drivers do about the hardware's faults; an order
 * of steps that would hang the real thing is a violation here.
 */
#include <string.h>

#include "drivers/e1000/e1000_phy_regs.h"
#include "drivers/e1000/e1000_regs.h"
#include "drivers/e1000/e1000_regs_pcie.h"
#include "tests/host/e1000_model_inner.h"
#include "tests/host/host.h"

#define NS_PER_MS 1000000ull

#define violation e1000_model_violation

#define AUTO_READ_NS    (2 * NS_PER_MS)  /* registers are loaded this long after a reset */
#define PHY_CONFIG_NS   (15 * NS_PER_MS) /* and the PHY is configured */
#define ICH_DEAD_NS     (15 * NS_PER_MS) /* a read meanwhile never ends */
#define POWER_CYCLE_NS  (20 * NS_PER_MS)
#define FLASH_BANK      2048 /* words */
#define FEXTNVM_DEFAULT 0x00000010
#define FLUSH_DONE_TX   1
#define LPI_DEFAULT     0x6000
#define EEE_DEFAULT     0x0006

static bool is_chipset(const struct e1000_model *card)
{
    return card->config.kind >= E1000_MODEL_ICH;
}

static bool has_high_pages(const struct e1000_model *card)
{
    return card->config.kind >= E1000_MODEL_82577;
}

uint16_t *e1000_model_phy(struct e1000_model *card, unsigned page, unsigned number)
{
    return &card->chip.pages[page % 1024 * 32 + number];
}

unsigned e1000_model_hash(const struct e1000_model *card, const uint8_t *addr)
{
    unsigned hash = (unsigned)addr[5] << 4 | addr[4] >> 4;

    return is_chipset(card) ? hash >> 2 : hash;
}

/* --- semaphores --- */

static bool firmware_holds(const struct e1000_model *card)
{
    return card->config.firmware_holds_ms == E1000_MODEL_FOR_EVER ||
           host_now_ns() < card->config.firmware_holds_ms * NS_PER_MS;
}

static bool uses_swsm(const struct e1000_model *card)
{
    return card->config.kind == E1000_MODEL_82571 || card->config.kind == E1000_MODEL_82573;
}

static bool is_locked(struct e1000_model *card)
{
    return uses_swsm(card) ? REG(card, E1000_SWSM) & E1000_SWSM_SWESMBI
                           : REG(card, E1000_EXTCNF_CTRL) & E1000_EXTCNF_SWFLAG;
}

static void write_semaphore(struct e1000_model *card, uint32_t offset, uint32_t value, uint32_t bit)
{
    bool was = REG(card, offset) & bit;

    if (firmware_holds(card))
        value &= ~bit;
    if (value & bit && !was)
        card->counts.takes++;
    REG(card, offset) = value;
}

/* --- the PHY --- */

static bool phy_reachable(struct e1000_model *card)
{
    bool on_smbus = *e1000_model_phy(card, 769, 23) & PHY_SMB_CTRL_FORCE;
    bool mac_on_smbus = REG(card, E1000_CTRL_EXT) & E1000_CTRL_EXT_FORCE_SMBUS;

    return !card->config.phy_dead && !card->chip.asleep && on_smbus == mac_on_smbus;
}

static void phy_reset(struct e1000_model *card)
{
    card->counts.phy_resets++;
    card->phy[PHY_CONTROL] = PHY_CONTROL_AUTONEG_ENABLE;
    if (!has_high_pages(card))
        return;
    *e1000_model_phy(card, 772, 20) = LPI_DEFAULT;
    *e1000_model_phy(card, 768, 25) = PHY_OEM_BITS_LPLU; /* as a machine that slept leaves it */
    card->chip.emi[EMI_82579_EEE_ADVERTISEMENT] = card->chip.emi[EMI_I217_EEE_ADVERTISEMENT] = EEE_DEFAULT;
}

/* Which register an access means; NULL: nobody answers. */
static uint16_t *phy_register(struct e1000_model *card, unsigned address, unsigned number)
{
    unsigned page = card->chip.page;

    if (!has_high_pages(card)) {
        if (address != 1)
            return NULL;
        return number < PHY_PLAIN_REGISTERS ? &card->phy[number] : e1000_model_phy(card, page, number);
    }
    if (number < PHY_PLAIN_REGISTERS)
        return address == PHY_BM_ADDRESS_2 ? &card->phy[number] : NULL;
    if (address == 1 && !page)
        page = PHY_HIGH_PAGES;
    if ((address == 1) != (page >= PHY_HIGH_PAGES))
        return NULL;
    if (page == 0 && number == PHY_REG_NUMBER(PHY_EMI_DATA))
        return &card->chip.emi[*e1000_model_phy(card, 0, PHY_REG_NUMBER(PHY_EMI_ADDRESS))];
    return e1000_model_phy(card, page, number);
}

static bool is_page_select(struct e1000_model *card, unsigned address, unsigned number)
{
    if (card->config.kind == E1000_MODEL_82574)
        return number == PHY_BM_PAGE_SELECT;
    return address == 1 && number == PHY_PAGE_SELECT;
}

/* Writing the start bit with everything else off ends ultra low power; a new negotiation makes a link. */
static void phy_written(struct e1000_model *card, const uint16_t *reg)
{
    uint16_t *oem = e1000_model_phy(card, 768, 25);

    if (reg == e1000_model_phy(card, 779, 16) && *reg & PHY_ULP_START && *reg & PHY_ULP_ALL)
        violation(card, "ultra low power is started again");
    if (reg == oem && *oem & PHY_OEM_BITS_RESTART) {
        *oem &= (uint16_t)~PHY_OEM_BITS_RESTART;
        e1000_model_negotiate(card);
    }
}

static void phy_access(struct e1000_model *card, unsigned address, unsigned number, uint32_t *mdic)
{
    uint16_t *reg = phy_register(card, address, number);

    if (is_page_select(card, address, number)) {
        card->chip.page =
            has_high_pages(card) ? (*mdic & E1000_MDIC_DATA) >> PHY_PAGE_SHIFT : *mdic & E1000_MDIC_DATA;
        if (card->config.kind < E1000_MODEL_82574 || card->config.kind == E1000_MODEL_ICH)
            card->chip.page >>= PHY_PAGE_SHIFT;
    } else if (!reg) {
        *mdic |= E1000_MDIC_ERROR;
    } else if (*mdic & E1000_MDIC_OP_READ) {
        *mdic = (*mdic & ~(uint32_t)E1000_MDIC_DATA) | *reg;
    } else if (number == PHY_CONTROL) {
        e1000_model_phy_write(card, number, (uint16_t)*mdic);
    } else {
        *reg = (uint16_t)*mdic;
        phy_written(card, reg);
    }
}

static void write_mdic(struct e1000_model *card, uint32_t value)
{
    if (!is_locked(card))
        violation(card, "the PHY is used without its semaphore");
    if (phy_reachable(card))
        phy_access(card, value >> E1000_MDIC_PHY_SHIFT & 0x1f, value >> E1000_MDIC_REG_SHIFT & 0x1f, &value);
    else
        value |= E1000_MDIC_ERROR;
    REG(card, E1000_MDIC) =
        card->config.phy_dead ? value & ~(uint32_t)E1000_MDIC_READY : value | E1000_MDIC_READY;
}

/* Off and on by its pin. In ultra low power it comes back, but on SMBus. */
static void power_cycle(struct e1000_model *card)
{
    card->counts.power_cycles++;
    card->chip.power_cycle_ns = host_now_ns();
    phy_reset(card);
    if (!card->chip.asleep)
        *e1000_model_phy(card, 769, 23) = 0;
    card->chip.asleep = false;
    e1000_model_negotiate(card);
}

/* --- reset --- */

static bool rings_are_stuck(const struct e1000_model *card)
{
    return pci_model_get16(&card->pci, E1000_PCI_RING_STATUS) & E1000_PCI_RING_FLUSH;
}

static void set_rings_stuck(struct e1000_model *card, bool stuck)
{
    pci_model_set16(&card->pci, E1000_PCI_RING_STATUS, stuck ? E1000_PCI_RING_FLUSH : 0);
}

static void check_chipset_reset(struct e1000_model *card, uint32_t ctrl)
{
    bool phy = ctrl & E1000_CTRL_PHY_RST;

    if (card->config.reset_blocked && phy)
        violation(card, "the PHY is reset although firmware forbids it");
    if (!card->config.reset_blocked && !phy)
        violation(card, "the MAC is reset without its PHY");
    if (!is_locked(card) && !firmware_holds(card))
        violation(card, "the MAC is reset without the semaphore");
    if (rings_are_stuck(card))
        violation(card, "reset with descriptors in the rings: the unit hangs until the machine is reset");
    if (phy)
        phy_reset(card);
}

void e1000_model_chip_ctrl(struct e1000_model *card, uint32_t value)
{
    uint32_t was = REG(card, E1000_CTRL);

    if (!card->config.kind)
        return;
    if (was & E1000_CTRL_LANPHYPC_OVERRIDE && !(value & E1000_CTRL_LANPHYPC_OVERRIDE))
        power_cycle(card);
    if (!(value & E1000_CTRL_RST))
        return;
    if (!(was & E1000_CTRL_GIO_MASTER_DISABLE))
        violation(card, "reset while the card may ask the bus for more");
    if (is_chipset(card))
        check_chipset_reset(card, value);
    else if (card->config.kind != E1000_MODEL_82571 && !firmware_holds(card) &&
             !(REG(card, E1000_EXTCNF_CTRL) & E1000_EXTCNF_SWFLAG))
        violation(card, "the MAC is reset while firmware has the PHY");
}

void e1000_model_chip_power_on(struct e1000_model *card)
{
    if (!card->config.kind)
        return;
    card->chip.reset_ns = host_now_ns();
    card->chip.page = 0;
    if (is_chipset(card))
        REG(card, E1000_FEXTNVM) = FEXTNVM_DEFAULT;
    else if (card->config.smbi_taken)
        REG(card, E1000_SWSM) = E1000_SWSM_SMBI;
    if (card->config.kind == E1000_MODEL_I219)
        REG(card, E1000_STRAP) = 1 << E1000_STRAP_NVM_SHIFT; /* 8 KiB */
}

static void sign_flash(struct e1000_model *card)
{
    unsigned bank = card->config.second_bank ? FLASH_BANK : 0;

    memset(card->chip.flash, 0xff, sizeof(card->chip.flash));
    memcpy(card->chip.flash + bank, card->eeprom, sizeof(card->eeprom));
    if (!card->config.bad_flash)
        card->chip.flash[bank + NVM_SIGNATURE_WORD] = NVM_SIGNATURE_VALID;
    uint16_t sum = 0;
    for (unsigned i = 0; i < EEPROM_CHECKSUM_REG; i++)
        sum = (uint16_t)(sum + card->chip.flash[bank + i]);
    card->chip.flash[bank + EEPROM_CHECKSUM_REG] = (uint16_t)(EEPROM_SUM - sum);
}

void e1000_model_chip_create(struct e1000_model *card)
{
    static const uint32_t ids[] = {
        [E1000_MODEL_82571] = 0x02a80380,       [E1000_MODEL_82573] = 0x01410cc0,
        [E1000_MODEL_82574] = 0x01410cb1,       [E1000_MODEL_ICH] = 0x02a80390,
        [E1000_MODEL_82577] = PHY_ID_82577 | 2, [E1000_MODEL_82579] = PHY_ID_82579 | 3,
        [E1000_MODEL_I217] = PHY_ID_I217 | 1,   [E1000_MODEL_I219] = PHY_ID_I217 | 6,
    };

    if (!card->config.kind)
        return;
    card->phy[PHY_ID_1] = (uint16_t)(ids[card->config.kind] >> 16);
    card->phy[PHY_ID_2] = (uint16_t)ids[card->config.kind];
    if (card->config.firmware_holds_ms && card->config.firmware_holds_ms != E1000_MODEL_FOR_EVER)
        card->config.firmware_holds_ms += host_now_ns() / NS_PER_MS;
    card->chip.asleep = card->config.ultra_low_power;
    if (card->config.ultra_low_power) {
        *e1000_model_phy(card, 769, 23) = PHY_SMB_CTRL_FORCE;
        *e1000_model_phy(card, 779, 16) = 0x0130;
    }
    sign_flash(card);
}

/* --- the I219's rings --- */

/* A hang leaves descriptors inside. One dummy, with the errata's bit set before, makes the unit let go. */
static void write_tdt(struct e1000_model *card, uint32_t value)
{
    uint64_t base = REG(card, E1000_TDBAL) | (uint64_t)REG(card, E1000_TDBAH) << 32;
    const union e1000_tx_desc *ring = (const union e1000_tx_desc *)(uintptr_t)base;
    uint32_t last = REG(card, E1000_TDT);

    REG(card, E1000_TDT) = value;
    if (!(REG(card, E1000_TCTL) & E1000_TCTL_EN) || !rings_are_stuck(card))
        return;
    if (ring[last].data.dtalen_dtyp_dcmd & E1000_TXD_CMD_DEXT)
        return;
    if (!(REG(card, E1000_FEXTNVM11) & E1000_FEXTNVM11_NO_MULR_FIX))
        violation(card, "flush without FEXTNVM11's bit");
    REG(card, E1000_TDH) = value;
    card->counts.flushes++;
    set_rings_stuck(card, card->faults.rx_stuck);
}

static bool is_flush(struct e1000_model *card)
{
    return card->config.kind == E1000_MODEL_I219 && rings_are_stuck(card);
}

/* --- the flash, from the I219 on in BAR 0 --- */

static void write_flash(struct e1000_model *card, uint32_t reg, uint32_t value)
{
    uint32_t *status = &REG(card, E1000_FLASH_IN_BAR0 + E1000_FLASH_HSF);
    uint32_t word = REG(card, E1000_FLASH_IN_BAR0 + E1000_FLASH_ADDRESS) / 2;

    if (reg != E1000_FLASH_HSF) {
        REG(card, E1000_FLASH_IN_BAR0 + reg) = value;
        return;
    }
    *status &= ~value & 0x7;
    if (!(value & E1000_FLASH_GO))
        return;
    card->counts.flash_reads++;
    if ((value & E1000_FLASH_COUNT) != E1000_FLASH_COUNT_4 || value & E1000_FLASH_CYCLE || word & 1)
        violation(card, "flash cycle %#x at word %u", value, word);
    word %= 2 * FLASH_BANK;
    REG(card, E1000_FLASH_IN_BAR0 + E1000_FLASH_DATA) =
        card->chip.flash[word] | (uint32_t)card->chip.flash[word + 1] << 16;
    *status |= E1000_FLASH_DONE;
}

/* --- filters --- */

/* Places beyond those the card has do not exist; those that firmware has locked keep what they hold. */
static bool ra_is_writable(struct e1000_model *card, uint32_t offset)
{
    unsigned pair = (offset - E1000_RAL0) / 8;
    unsigned pairs = card->config.kind < E1000_MODEL_ICH      ? 15
                     : card->config.kind < E1000_MODEL_82579  ? 7
                     : card->config.kind == E1000_MODEL_82579 ? 11
                                                              : 12;

    if (pair >= pairs || (card->config.kind == E1000_MODEL_82579 && pair && pair < 7)) {
        violation(card, "place %u of the address filter is not ours", pair);
        return false;
    }
    if (card->config.kind >= E1000_MODEL_82579 && pair && !is_locked(card))
        violation(card, "a shared place of the filter is written without the semaphore");
    return !card->config.free_addresses || pair < card->config.free_addresses;
}

/* --- accesses --- */

static void check_time(struct e1000_model *card, uint32_t offset)
{
    if (is_chipset(card) && card->counts.resets && host_now_ns() < card->chip.reset_ns + ICH_DEAD_NS)
        violation(card, "register %#x touched while the reset is under way: the machine would hang", offset);
}

static bool write_filter(struct e1000_model *card, uint32_t offset, uint32_t value)
{
    if (offset >= E1000_RAL0 && offset < E1000_RAL0 + 8 * E1000_RA_COUNT)
        return !ra_is_writable(card, offset);
    if (is_chipset(card) && offset >= E1000_MTA + 4 * 32 && offset < E1000_MTA + 4 * E1000_MTA_WORDS)
        violation(card, "multicast table: only 32 words");
    return false;
}

static void write_h2me(struct e1000_model *card, uint32_t value)
{
    REG(card, E1000_H2ME) = value;
    if (card->config.managed && value & E1000_H2ME_ENFORCE && !(value & E1000_H2ME_ULP)) {
        card->chip.asleep = false;
        *e1000_model_phy(card, 769, 23) = 0;
        *e1000_model_phy(card, 779, 16) = 0;
    }
}

static bool write_chipset(struct e1000_model *card, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case E1000_FCAL:
    case E1000_FCAH:
        violation(card, "register %#x is no flow control address here", offset);
        return true;
    case E1000_STATUS:
        REG(card, E1000_STATUS) &= value | ~(uint32_t)(E1000_STATUS_LAN_INIT_DONE | E1000_STATUS_PHYRA);
        return true;
    case E1000_H2ME:
        write_h2me(card, value);
        return true;
    case E1000_EECD: /* FEXTNVM6 */
        REG(card, offset) = value;
        return true;
    case E1000_KMRNCTRLSTA:
        if (!(value & E1000_KMRN_READ))
            card->chip.kmrn[value >> E1000_KMRN_OFFSET_SHIFT & 0x1f] = (uint16_t)value;
        REG(card, offset) = value;
        return true;
    default:
        return false;
    }
}

bool e1000_model_chip_write(struct e1000_model *card, uint32_t offset, uint32_t value)
{
    if (!card->config.kind)
        return false;
    check_time(card, offset);
    if (offset >= E1000_FLASH_IN_BAR0 && offset < E1000_FLASH_IN_BAR0 + 0x100) {
        write_flash(card, offset - E1000_FLASH_IN_BAR0, value);
        return true;
    }
    if (write_filter(card, offset, value) || (is_chipset(card) && write_chipset(card, offset, value)))
        return true;
    switch (offset) {
    case E1000_MDIC:
        write_mdic(card, value);
        return true;
    case E1000_SWSM:
        write_semaphore(card, offset, value, E1000_SWSM_SWESMBI);
        return true;
    case E1000_EXTCNF_CTRL:
        write_semaphore(card, offset, value, E1000_EXTCNF_SWFLAG);
        return true;
    case E1000_EECD:
        violation(card, "EECD is not for bits here");
        return true;
    case E1000_TDT:
        if (!is_flush(card))
            return false;
        write_tdt(card, value);
        return true;
    case E1000_RCTL:
        if (value & E1000_RCTL_EN && REG(card, E1000_RFCTL) & E1000_RFCTL_EXTEN)
            violation(card, "the receiver would write another kind of descriptor");
        if (is_flush(card) && value & E1000_RCTL_EN && REG(card, E1000_RXDCTL) & E1000_RXDCTL_FLUSH) {
            card->faults.rx_stuck = false;
            set_rings_stuck(card, false);
        }
        return false;
    default:
        return false;
    }
}

static bool since_reset(const struct e1000_model *card, uint64_t ns)
{
    return host_now_ns() >= card->chip.reset_ns + ns;
}

static uint32_t read_status(struct e1000_model *card)
{
    uint32_t status = REG(card, E1000_STATUS);

    if (!(REG(card, E1000_CTRL) & E1000_CTRL_GIO_MASTER_DISABLE) || card->faults.master_stuck)
        status |= E1000_STATUS_GIO_MASTER;
    if (is_chipset(card) && since_reset(card, PHY_CONFIG_NS))
        status |= E1000_STATUS_LAN_INIT_DONE;
    return status;
}

static uint32_t read_fwsm(const struct e1000_model *card)
{
    return (card->config.managed ? E1000_FWSM_FW_VALID : 0) |
           (card->config.reset_blocked ? 0 : E1000_FWSM_RSPCIPHY) |
           (card->config.managed && card->chip.asleep ? E1000_FWSM_ULP_DONE : 0);
}

static uint32_t read_eerd(struct e1000_model *card)
{
    uint32_t eerd = REG(card, E1000_EERD), word = eerd >> E1000_EERD_PCIE_ADDR_SHIFT & 0x3fff;

    if (card->config.no_eerd || !(eerd & E1000_EERD_START))
        return eerd & ~(uint32_t)E1000_EERD_PCIE_DONE;
    return (uint32_t)card->eeprom[word & 0x3f] << E1000_EERD_DATA_SHIFT | E1000_EERD_PCIE_DONE;
}

static uint32_t read_swsm(struct e1000_model *card)
{
    uint32_t value = REG(card, E1000_SWSM);

    if (!is_chipset(card))
        REG(card, E1000_SWSM) |= E1000_SWSM_SMBI;
    return value;
}

bool e1000_model_chip_read(struct e1000_model *card, uint32_t offset, uint32_t *value)
{
    if (!card->config.kind)
        return false;
    check_time(card, offset);
    switch (offset) {
    case E1000_STATUS:
        *value = read_status(card);
        return true;
    case E1000_FWSM:
        *value = read_fwsm(card);
        return true;
    case E1000_SWSM:
        *value = read_swsm(card);
        return true;
    case E1000_EECD:
        if (card->config.kind >= E1000_MODEL_I217)
            *value = REG(card, E1000_FEXTNVM6);
        else
            *value = E1000_EECD_PRES | (since_reset(card, AUTO_READ_NS) ? E1000_EECD_AUTO_RD : 0);
        return true;
    case E1000_EERD:
        *value = read_eerd(card);
        return true;
    case E1000_CTRL_EXT:
        *value = REG(card, E1000_CTRL_EXT);
        if (card->chip.power_cycle_ns && host_now_ns() >= card->chip.power_cycle_ns + POWER_CYCLE_NS)
            *value |= E1000_CTRL_EXT_LPCD;
        return true;
    case E1000_KMRNCTRLSTA:
        *value = card->chip.kmrn[REG(card, offset) >> E1000_KMRN_OFFSET_SHIFT & 0x1f];
        return true;
    case E1000_FLASH_IN_BAR0 + E1000_FLASH_HSF:
        *value = REG(card, offset) | E1000_FLASH_VALID;
        return true;
    default:
        return false;
    }
}
