/*
 * e1000_eeprom.c - the card's station address.
 *
 * Called once per card, at probe. Words are read through EERD (317453 13.4.4); an 8254x that does not answer
 * there is read bit by bit over the EEPROM's own wires (EECD, Microwire, 5.4). Later members load the address
 * into their filter at reset, each port its own; their NVM is asked only if they have not.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/time.h"

#define EEPROM_READ_US            1000 /* a word takes some 50 us */
#define EEPROM_GRANT_US           1000
#define EEPROM_EDGE_US            1 /* the clock must not exceed 1 MHz */
#define EEPROM_ADDRESS_BITS       6
#define EEPROM_ADDRESS_BITS_LARGE 8

#define MAC_GROUP_BIT 0x01 /* of the first byte */
#define MAC_LOCAL_BIT 0x02

static int e1000_eerd_read(struct e1000_adapter *adapter, unsigned word, uint16_t *value)
{
    bool pcie = adapter->chip->flags & E1000_IS_PCIE;
    unsigned shift = pcie ? E1000_EERD_PCIE_ADDR_SHIFT : E1000_EERD_ADDR_SHIFT;
    uint32_t done = pcie ? E1000_EERD_PCIE_DONE : E1000_EERD_DONE;

    e1000_write(adapter, E1000_EERD, word << shift | E1000_EERD_START);
    if (!e1000_wait(adapter, E1000_EERD, done, done, EEPROM_READ_US))
        return -EIO;
    *value = (uint16_t)(e1000_read(adapter, E1000_EERD) >> E1000_EERD_DATA_SHIFT);
    return 0;
}

/* --- Microwire: the EEPROM takes DI and gives DO at the clock's rising edge --- */

static void e1000_eecd_set(struct e1000_adapter *adapter, uint32_t eecd)
{
    e1000_write(adapter, E1000_EECD, eecd);
    e1000_flush(adapter);
    udelay(EEPROM_EDGE_US);
}

static void e1000_eecd_shift_out(struct e1000_adapter *adapter, uint32_t eecd, unsigned value, unsigned bits)
{
    while (bits--) {
        uint32_t with_bit = eecd | (value >> bits & 1 ? E1000_EECD_DI : 0);
        e1000_eecd_set(adapter, with_bit);
        e1000_eecd_set(adapter, with_bit | E1000_EECD_SK);
        e1000_eecd_set(adapter, with_bit);
    }
}

static uint16_t e1000_eecd_shift_in(struct e1000_adapter *adapter, uint32_t eecd)
{
    uint16_t value = 0;

    for (unsigned i = 0; i < EEPROM_WORD_BITS; i++) {
        e1000_eecd_set(adapter, eecd | E1000_EECD_SK);
        value = (uint16_t)(value << 1 | (e1000_read(adapter, E1000_EECD) & E1000_EECD_DO ? 1 : 0));
        e1000_eecd_set(adapter, eecd);
    }
    return value;
}

static int e1000_microwire_read(struct e1000_adapter *adapter, unsigned word, uint16_t *value)
{
    uint32_t eecd = e1000_read(adapter, E1000_EECD) & ~(E1000_EECD_SK | E1000_EECD_CS | E1000_EECD_DI);
    bool arbitrate = !(adapter->chip->flags & E1000_HAS_NO_GRANT);
    unsigned address_bits = eecd & E1000_EECD_SIZE ? EEPROM_ADDRESS_BITS_LARGE : EEPROM_ADDRESS_BITS;

    if (arbitrate) {
        eecd |= E1000_EECD_REQ;
        e1000_write(adapter, E1000_EECD, eecd);
        if (!e1000_wait(adapter, E1000_EECD, E1000_EECD_GNT, E1000_EECD_GNT, EEPROM_GRANT_US)) {
            e1000_write(adapter, E1000_EECD, eecd & ~E1000_EECD_REQ);
            return -EIO;
        }
    }
    e1000_eecd_set(adapter, eecd | E1000_EECD_CS);
    e1000_eecd_shift_out(adapter, eecd | E1000_EECD_CS, EEPROM_MICROWIRE_READ, EEPROM_OPCODE_BITS);
    e1000_eecd_shift_out(adapter, eecd | E1000_EECD_CS, word, address_bits);
    *value = e1000_eecd_shift_in(adapter, eecd | E1000_EECD_CS);
    e1000_eecd_set(adapter, eecd);
    e1000_eecd_set(adapter, eecd & ~E1000_EECD_REQ);
    return 0;
}

/* Return: 0, or -EIO if no NVM answers. */
static int e1000_eeprom_read(struct e1000_adapter *adapter, unsigned word, uint16_t *value)
{
    switch (adapter->chip->nvm) {
    case E1000_NVM_EEPROM:
        break;
    case E1000_NVM_EERD:
        return e1000_eerd_read(adapter, word, value);
    case E1000_NVM_FLASH:
    case E1000_NVM_FLASH_BAR0:
        return e1000_flash_read(adapter, word, value);
    }
    if (!adapter->use_microwire && e1000_eerd_read(adapter, word, value) == 0)
        return 0;
    adapter->use_microwire = true;
    return e1000_microwire_read(adapter, word, value);
}

/* The first words, which hold the address. Return: 0, or -EIO if nothing answers or the sum is wrong. */
static int e1000_eeprom_read_mac(struct e1000_adapter *adapter, uint8_t *mac)
{
    uint16_t sum = 0;

    for (unsigned word = 0; word < EEPROM_WORDS; word++) {
        uint16_t value;
        if (e1000_eeprom_read(adapter, word, &value) < 0)
            return -EIO;
        sum = (uint16_t)(sum + value);
        if (word - EEPROM_MAC_WORD_0 < ETH_ALEN / 2) {
            mac[2 * (word - EEPROM_MAC_WORD_0)] = (uint8_t)value;
            mac[2 * (word - EEPROM_MAC_WORD_0) + 1] = (uint8_t)(value >> 8);
        }
    }
    if (sum != EEPROM_SUM)
        return -EIO;
    if (adapter->chip->flags & (E1000_HAS_TWO_PORTS | E1000_IS_PCIE) &&
        e1000_read(adapter, E1000_STATUS) & E1000_STATUS_FUNCTION_1)
        mac[ETH_ALEN - 1] ^= 1;
    return 0;
}

/* --- */

static bool e1000_mac_is_valid(const uint8_t *mac)
{
    uint8_t any = 0;

    for (unsigned i = 0; i < ETH_ALEN; i++)
        any |= mac[i];
    return any && !(mac[0] & MAC_GROUP_BIT);
}

/* What the card itself has loaded into its first filter at reset. */
static void e1000_filter_read_mac(struct e1000_adapter *adapter, uint8_t *mac)
{
    uint32_t low = e1000_read(adapter, E1000_RAL0), high = e1000_read(adapter, E1000_RAH0);

    for (unsigned i = 0; i < ETH_ALEN; i++)
        mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
}

static bool e1000_filter_has_mac(struct e1000_adapter *adapter, uint8_t *mac)
{
    e1000_filter_read_mac(adapter, mac);
    return e1000_mac_is_valid(mac);
}

void e1000_read_mac(struct e1000_adapter *adapter, uint8_t *mac)
{
    struct pci_dev *pci = adapter->pci;

    if (adapter->chip->flags & E1000_IS_PCIE && e1000_read(adapter, E1000_RAH0) & E1000_RAH_AV &&
        e1000_filter_has_mac(adapter, mac))
        return;
    if (e1000_eeprom_read_mac(adapter, mac) == 0 && e1000_mac_is_valid(mac))
        return;
    if (e1000_filter_has_mac(adapter, mac)) {
        pr_warn(
            "e1000 %02x:%02x.%x: the card's EEPROM is damaged; using the address that the card loaded from it\n",
            pci->bus, pci->slot, pci->func);
        return;
    }
    get_random_bytes(mac, ETH_ALEN);
    mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP_BIT) | MAC_LOCAL_BIT);
    pr_warn(
        "e1000 %02x:%02x.%x: the card's EEPROM is damaged and gives no address; using a random one until the next "
        "boot\n",
        pci->bus, pci->slot, pci->func);
}
