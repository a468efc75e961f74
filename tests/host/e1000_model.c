/*
 * e1000_model.c - the register-level model of an 8254x. See e1000_model.h; sections are of 317453.
 */
#include "tests/host/e1000_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/e1000/e1000_regs.h"
#include "tests/host/e1000_model_inner.h"
#include "tests/host/host.h"

#define NS_PER_MS    1000000ull
#define DEAF_NS      (1000 * NS_PER_MS)
#define NEGOTIATE_NS (500 * NS_PER_MS)

#define FRAME_MIN 60
#define FRAME_MAX 1522
#define CRC_LEN   4
#define RX_PIECE  FRAME_MAX /* without RCTL.LPE no more than this is ever stored in one buffer */
#define IRQ_STORM 16        /* handler calls in a row without the line falling */

#define violation e1000_model_violation

void e1000_model_violation(struct e1000_model *card, const char *fmt, ...)
{
    va_list ap;

    card->counts.violations++;
    fputs("e1000_model: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static void *bus_to_virt(uint64_t addr)
{
    return (void *)(uintptr_t)addr;
}

/* --- interrupts [13.4.17 - 13.4.21] --- */

static bool sends_messages(const struct e1000_model *card)
{
    return card->config.msi && pci_model_get16(&card->pci, E1000_MODEL_MSI + 2) & 1;
}

static bool handler_reached(struct e1000_model *card)
{
    if (card->faults.irq_dead || (sends_messages(card) ? card->faults.msi_dead : card->config.no_irq))
        return false;
    if (!card->faults.lose_irqs)
        return true;
    card->faults.lose_irqs--;
    return false;
}

/* One write, whatever the handler does about it. */
static void send_message(struct e1000_model *card)
{
    const struct pci_model_device *pci = &card->pci;

    if (!pci_model_is_master(pci))
        violation(card, "a message from a device that may not write");
    card->counts.irqs++;
    card->counts.messages++;
    host_send_msi(pci_model_get32(pci, E1000_MODEL_MSI + 4) |
                      (uint64_t)pci_model_get32(pci, E1000_MODEL_MSI + 8) << 32,
                  pci_model_get16(pci, E1000_MODEL_MSI + 12));
}

static void pull_line(struct e1000_model *card)
{
    unsigned wire = card->wire_of_pin ? card->wire_of_pin : card->config.irq;

    if (pci_model_get16(&card->pci, 0x04) & 0x0400)
        return; /* the pin is switched off */
    for (unsigned calls = 0; card->irq_line && host_irq_is_taken(wire); calls++) {
        if (calls == IRQ_STORM) {
            violation(card, "interrupt storm: ICR %#x, IMS %#x", REG(card, E1000_ICR), REG(card, E1000_IMS));
            break;
        }
        card->counts.irqs++;
        host_raise_irq(wire);
    }
}

/* The line follows ICR & IMS. Its rising edge calls the handler, which must make it fall. */
static void update_irq(struct e1000_model *card)
{
    bool was = card->irq_line;

    card->irq_line = REG(card, E1000_ICR) & REG(card, E1000_IMS);
    if (!card->irq_line || was || card->in_irq || !handler_reached(card))
        return;
    card->in_irq = true;
    if (sends_messages(card))
        send_message(card);
    else
        pull_line(card);
    card->in_irq = false;
}

static void raise_cause(struct e1000_model *card, uint32_t causes)
{
    REG(card, E1000_ICR) |= causes;
    update_irq(card);
}

/* --- link and PHY --- */

static void run_tx(struct e1000_model *card);

static void show_link(struct e1000_model *card, bool up)
{
    const uint16_t bits = PHY_STATUS_LINK | PHY_STATUS_AUTONEG_COMPLETE;

    REG(card, E1000_STATUS) &= ~(uint32_t)E1000_STATUS_LU;
    card->phy[PHY_STATUS] &= (uint16_t)~bits;
    if (up) {
        REG(card, E1000_STATUS) |= E1000_STATUS_LU;
        card->phy[PHY_STATUS] |= bits;
    }
}

void e1000_model_set_link(struct e1000_model *card, bool up)
{
    card->cable = up;
    show_link(card, up);
    raise_cause(card, E1000_ICR_LSC);
    run_tx(card); /* what has waited for a link */
}

static void negotiation_done(void *arg)
{
    struct e1000_model *card = container_of(arg, struct e1000_model, phy);

    if (card->cable)
        e1000_model_set_link(card, true);
}

void e1000_model_negotiate(struct e1000_model *card)
{
    show_link(card, false);
    host_event_cancel(card->phy);
    host_event_add(host_now_ns() + NEGOTIATE_NS, negotiation_done, card->phy);
}

void e1000_model_phy_write(struct e1000_model *card, unsigned reg, uint16_t value)
{
    card->phy[reg] = value & (uint16_t)~PHY_CONTROL_RESTART_AUTONEG;
    if (reg != PHY_CONTROL || !(value & PHY_CONTROL_RESTART_AUTONEG))
        return;
    card->counts.phy_restarts++;
    e1000_model_negotiate(card);
}

static void write_mdic(struct e1000_model *card, uint32_t value)
{
    unsigned reg = value >> E1000_MDIC_REG_SHIFT & 0x1f;

    if ((value >> E1000_MDIC_PHY_SHIFT & 0x1f) != E1000_PHY_ADDRESS) {
        value |= E1000_MDIC_ERROR;
    } else if (value & E1000_MDIC_OP_READ) {
        value = (value & ~(uint32_t)E1000_MDIC_DATA) | card->phy[reg];
    } else if (value & E1000_MDIC_OP_WRITE) {
        e1000_model_phy_write(card, reg, (uint16_t)value);
    }
    REG(card, E1000_MDIC) = value | E1000_MDIC_READY;
}

/* --- EEPROM --- */

static void fill_eeprom(struct e1000_model *card)
{
    uint16_t sum = 0;

    for (unsigned i = 0; i < EEPROM_CHECKSUM_REG; i++) {
        card->eeprom[i] = (uint16_t)(0x1111 * i);
        if (i < 3)
            card->eeprom[i] = (uint16_t)(card->config.mac[2 * i] | card->config.mac[2 * i + 1] << 8);
        sum = (uint16_t)(sum + card->eeprom[i]);
    }
    card->eeprom[EEPROM_CHECKSUM_REG] = (uint16_t)(EEPROM_SUM - sum);
    if (card->config.bad_eeprom)
        card->eeprom[EEPROM_MAC_WORD_0 + 1] ^= 0x0420; /* bits that have fallen over */
}

static uint32_t read_eerd(struct e1000_model *card)
{
    uint32_t eerd = REG(card, E1000_EERD);
    unsigned word = eerd >> E1000_EERD_ADDR_SHIFT & 0xff;

    if (card->config.no_eerd || !(eerd & E1000_EERD_START))
        return eerd & ~(uint32_t)E1000_EERD_DONE;
    return (uint32_t)card->eeprom[word & 0x3f] << E1000_EERD_DATA_SHIFT | word << E1000_EERD_ADDR_SHIFT |
           E1000_EERD_DONE;
}

/* Microwire [5.4]: three opcode and six address bits in, then sixteen data bits out, all at the rising clock.
 */
static void write_eecd(struct e1000_model *card, uint32_t value)
{
    uint32_t changed = value ^ card->eecd;
    bool rising = changed & E1000_EECD_SK && value & E1000_EECD_SK;

    card->eecd = value;
    if (!(value & E1000_EECD_CS))
        return;
    if (changed & E1000_EECD_CS)
        card->ee_bits = card->ee_in = card->ee_out = 0;
    if (!rising)
        return;
    card->ee_bits++;
    if (card->ee_bits > EEPROM_OPCODE_BITS + 6) {
        card->ee_out <<= 1;
        return;
    }
    card->ee_in = card->ee_in << 1 | !!(value & E1000_EECD_DI);
    if (card->ee_bits == EEPROM_OPCODE_BITS + 6 && card->ee_in >> 6 == EEPROM_MICROWIRE_READ)
        card->ee_out =
            card->eeprom[card->ee_in & 0x3f]; /* the next rising edge makes bit 15 visible as bit 16 */
}

static uint32_t read_eecd(struct e1000_model *card)
{
    bool has_arbiter = card->config.device_id != 0x100c;
    uint32_t eecd = (card->eecd & ~(uint32_t)(E1000_EECD_GNT | E1000_EECD_DO)) | E1000_EECD_PRES;

    if (has_arbiter && card->eecd & E1000_EECD_REQ)
        eecd |= E1000_EECD_GNT;
    if (card->ee_out & 0x10000)
        eecd |= E1000_EECD_DO;
    return eecd;
}

/* --- statistics [13.7] --- */

static void count64(struct e1000_model *card, unsigned low, uint64_t n)
{
    uint64_t value = (REG(card, low) | (uint64_t)REG(card, low + 4) << 32) + n;

    REG(card, low) = (uint32_t)value;
    REG(card, low + 4) = (uint32_t)(value >> 32);
}

/* QEMU copies the totals into the "good" counters, so clearing only these brings the old count back. */
static void count_frame(struct e1000_model *card, unsigned total, unsigned good, unsigned total_bytes,
                        unsigned good_bytes, size_t len)
{
    REG(card, total)++;
    count64(card, total_bytes, len + CRC_LEN);
    if (card->config.counters_clear) {
        REG(card, good)++;
        count64(card, good_bytes, len + CRC_LEN);
        return;
    }
    REG(card, good) = REG(card, total);
    REG(card, good_bytes) = REG(card, total_bytes);
    REG(card, good_bytes + 4) = REG(card, total_bytes + 4);
}

static uint32_t read_statistic(struct e1000_model *card, uint32_t offset)
{
    uint32_t value = REG(card, offset);
    bool is_low_half =
        offset == E1000_GORCL || offset == E1000_GOTCL || offset == E1000_TORL || offset == E1000_TOTL;
    bool keeps =
        offset == E1000_MPC || offset == E1000_CRCERRS || offset == E1000_RNBC || offset == E1000_RLEC;

    if (is_low_half || (keeps && !card->config.counters_clear))
        return value;
    REG(card, offset) = 0;
    if (offset == E1000_GORCH || offset == E1000_GOTCH || offset == E1000_TORH || offset == E1000_TOTH)
        REG(card, offset - 4) = 0;
    return value;
}

/* --- transmit [3.3] --- */

static uint32_t tx_count(const struct e1000_model *card)
{
    return REG(card, E1000_TDLEN) / (uint32_t)sizeof(union e1000_tx_desc);
}

static void take_context(struct e1000_model *card, const struct e1000_context_desc *desc)
{
    bool tso = desc->paylen_dtyp_tucmd & E1000_TXD_CMD_TSE;

    card->counts.contexts++;
    if (card->tx_len)
        violation(card, "context in the middle of a frame");
    if (tso && (!desc->mss || !(desc->paylen_dtyp_tucmd & E1000_TXD_TUCMD_TCP) ||
                !(desc->paylen_dtyp_tucmd & E1000_TXD_TUCMD_IP)))
        violation(card, "segmentation of something else than TCP over IPv4");
    *(tso ? &card->tso_context : &card->context) = (struct e1000_model_context){
        .loaded = true,
        .ipcss = desc->ipcss,
        .ipcso = desc->ipcso,
        .ipcse = desc->ipcse,
        .tucss = desc->tucss,
        .tucso = desc->tucso,
        .tucse = desc->tucse,
        .hdrlen = desc->hdrlen,
        .mss = desc->mss,
        .paylen = desc->paylen_dtyp_tucmd & E1000_TXD_DTALEN_MASK,
    };
}

/* RFC 1071 from `start` to `last` (0: the end), stored at `at`; 0 becomes 0xffff, which UDP needs and TCP may
 * have. */
static void insert_checksum(struct e1000_model *card, uint8_t *frame, size_t len, size_t start, size_t at,
                            size_t last)
{
    size_t end = last ? last + 1 : len;
    uint32_t sum = 0;

    if (start >= len || at + 2 > len || end > len) {
        violation(card, "checksum asked for outside the frame");
        return;
    }
    for (size_t i = start; i < end; i++)
        sum += (uint32_t)frame[i] << ((i - start) & 1 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum & 0xffff;
    sum = sum ? sum : 0xffff;
    frame[at] = (uint8_t)(sum >> 8);
    frame[at + 1] = (uint8_t)sum;
}

/* The tag of VLE between the addresses and the type [9.2.1]; `frame` has room for it. Return: the length. */
static size_t insert_tag(struct e1000_model *card, uint8_t *frame, size_t len)
{
    if (!(REG(card, E1000_CTRL) & E1000_CTRL_VME)) {
        violation(card, "VLAN tag to be inserted without CTRL.VME");
        return len;
    }
    memmove(frame + 16, frame + 12, len - 12);
    frame[12] = (uint8_t)(REG(card, E1000_VET) >> 8);
    frame[13] = (uint8_t)REG(card, E1000_VET);
    frame[14] = (uint8_t)(card->tx_special >> 8);
    frame[15] = (uint8_t)card->tx_special;
    card->counts.tags_inserted++;
    return len + 4;
}

static void wire_frame(struct e1000_model *card, uint8_t *frame, size_t len)
{
    if (card->tx_tagged)
        len = insert_tag(card, frame, len);
    if (len < 17)
        violation(card, "frame of %zu bytes", len);
    if (len < FRAME_MIN && REG(card, E1000_TCTL) & E1000_TCTL_PSP) {
        memset(frame + len, 0, FRAME_MIN - len);
        len = FRAME_MIN;
    }
    card->counts.frames_sent++;
    count_frame(card, E1000_TPT, E1000_GPTC, E1000_TOTL, E1000_GOTCL, len);
    if (card->cable && card->config.wire)
        card->config.wire(card->config.wire_ctx, frame, len);
}

static void add_be(uint8_t *field, unsigned bytes, uint32_t n)
{
    for (unsigned i = bytes; i-- > 0; n >>= 8) {
        n += field[i];
        field[i] = (uint8_t)n;
    }
}

/* One segment of a train: the headers as they came, with what differs put right [3.5.6]. */
static void send_segment(struct e1000_model *card, size_t at, size_t len, unsigned number)
{
    const struct e1000_model_context *context = &card->tso_context;
    uint8_t frame[FRAME_MAX + 4];
    uint8_t *ip = frame + context->ipcss, *tcp = frame + context->tucss;
    size_t total = context->hdrlen + len;
    uint32_t sum;

    memcpy(frame, card->tx_buf, context->hdrlen);
    memcpy(frame + context->hdrlen, card->tx_buf + at, len);
    add_be(ip + 2, 2, (uint32_t)(total - context->ipcss));
    add_be(ip + 4, 2, number);
    add_be(tcp + 4, 4, number * context->mss);
    if ((size_t)(number + 1) * context->mss < context->paylen)
        tcp[13] &= (uint8_t)~0x09; /* PSH, FIN: of the last only */
    if (number)
        tcp[13] &= (uint8_t)~0x80; /* CWR: of the first */
    sum = (uint32_t)(frame[context->tucso] << 8 | frame[context->tucso + 1]);
    sum += (uint32_t)(total - context->tucss);
    sum = (sum & 0xffff) + (sum >> 16);
    frame[context->tucso] = (uint8_t)(sum >> 8);
    frame[context->tucso + 1] = (uint8_t)sum;
    if (card->tx_popts & E1000_TXD_POPTS_TXSM)
        insert_checksum(card, frame, total, context->tucss, context->tucso, context->tucse);
    if (card->tx_popts & E1000_TXD_POPTS_IXSM)
        insert_checksum(card, frame, total, context->ipcss, context->ipcso, context->ipcse);
    wire_frame(card, frame, total);
}

/* A train of full segments only ends in an empty one, as in QEMU. */
static void send_train(struct e1000_model *card)
{
    const struct e1000_model_context *context = &card->tso_context;
    size_t at = context->hdrlen, end = card->tx_len;
    unsigned number = 0;

    card->counts.trains++;
    card->tx_len = 0;
    if (!context->loaded || context->tucss >= at || context->tucso + 2u > at || context->ipcso + 2u > at ||
        at + context->mss + CRC_LEN > FRAME_MAX || end != at + context->paylen) {
        violation(card, "train of %zu bytes with headers of %zu, payload of %u, MSS %u", end, at,
                  context->paylen, context->mss);
        return;
    }
    if (card->tx_buf[context->ipcss + 2] || card->tx_buf[context->ipcss + 3] ||
        card->tx_buf[context->ipcso] || card->tx_buf[context->ipcso + 1])
        violation(card, "IPv4 length and checksum of a train are not zero");
    do {
        size_t len = end - at < context->mss ? end - at : context->mss;
        if (!len)
            violation(card, "an empty segment behind a train of full ones");
        send_segment(card, at, len, number++);
        at += len;
        if (len < context->mss)
            break;
    } while (true);
}

static void send_frame(struct e1000_model *card)
{
    const struct e1000_model_context *context = &card->context;
    size_t len = card->tx_len;

    if (card->tx_tso) {
        send_train(card);
        return;
    }
    if (card->tx_popts & E1000_TXD_POPTS_TXSM && !context->loaded)
        violation(card, "checksum asked for that was never set up");
    else if (card->tx_popts & E1000_TXD_POPTS_TXSM)
        insert_checksum(card, card->tx_buf, len, context->tucss, context->tucso, context->tucse);
    card->tx_len = 0;
    wire_frame(card, card->tx_buf, len);
}

static void take_data(struct e1000_model *card, const struct e1000_data_desc *desc)
{
    uint32_t len = desc->dtalen_dtyp_dcmd & E1000_TXD_DTALEN_MASK;
    bool tso = desc->dtalen_dtyp_dcmd & E1000_TXD_CMD_TSE;

    card->counts.data_descs++;
    if (tso && len > 4u * card->tso_context.mss)
        violation(card, "%u bytes of a train in one descriptor: more than the FIFO takes", len);
    if (!len || len > 16288 || len > sizeof(card->tx_buf) - card->tx_len)
        violation(card, "data descriptor of %u bytes", len);
    else {
        if (!card->tx_len) {
            card->tx_popts = desc->popts;
            card->tx_tso = tso;
            card->tx_tagged = desc->dtalen_dtyp_dcmd & E1000_TXD_CMD_VLE;
            card->tx_special = desc->special;
        }
        memcpy(card->tx_buf + card->tx_len, bus_to_virt(desc->buffer_addr), len);
        card->tx_len += len;
    }
    if ((desc->popts & E1000_TXD_POPTS_IXSM && !tso) || tso != card->tx_tso ||
        (bool)(desc->dtalen_dtyp_dcmd & E1000_TXD_CMD_VLE) != card->tx_tagged ||
        (card->tx_tagged && desc->special != card->tx_special))
        violation(card, "offload that was never set up");
    if (!(desc->dtalen_dtyp_dcmd & E1000_TXD_CMD_IFCS))
        violation(card, "frame without a CRC");
    if (desc->dtalen_dtyp_dcmd & E1000_TXD_CMD_EOP)
        send_frame(card);
}

/* One descriptor. Return: whether a frame ended. */
static bool take_tx_desc(struct e1000_model *card)
{
    uint32_t head = REG(card, E1000_TDH);
    uint64_t base = REG(card, E1000_TDBAL) | (uint64_t)REG(card, E1000_TDBAH) << 32;
    union e1000_tx_desc *desc = (union e1000_tx_desc *)bus_to_virt(base) + head;
    uint32_t command = desc->data.dtalen_dtyp_dcmd;
    bool is_data = (command & E1000_TXD_DTYP_DATA) == E1000_TXD_DTYP_DATA;

    if (!(command & E1000_TXD_CMD_DEXT))
        violation(card, "legacy descriptor");
    else if (is_data)
        take_data(card, &desc->data);
    else
        take_context(card, &desc->context);
    REG(card, E1000_TDH) = head + 1 == tx_count(card) ? 0 : head + 1;
    if (command & E1000_TXD_CMD_RS && !card->faults.tx_no_done) {
        desc->data.status |= E1000_TXD_STAT_DD;
        raise_cause(card, E1000_ICR_TXDW);
    }
    return is_data && command & E1000_TXD_CMD_EOP;
}

static bool can_send(struct e1000_model *card)
{
    return !card->faults.gone && REG(card, E1000_TCTL) & E1000_TCTL_EN &&
           REG(card, E1000_TDH) != REG(card, E1000_TDT) && !card->faults.tx_hang &&
           REG(card, E1000_STATUS) & E1000_STATUS_LU;
}

static void tx_event(void *arg)
{
    struct e1000_model *card = container_of(arg, struct e1000_model, tx_buf);

    card->tx_scheduled = false;
    while (can_send(card) && !take_tx_desc(card))
        ;
    run_tx(card);
}

/* Sends all that TDT has announced, now or one frame each tx_ns. */
static void run_tx(struct e1000_model *card)
{
    if (!can_send(card))
        return;
    if (!pci_model_is_master(&card->pci))
        violation(card, "transmission without bus mastering");
    if (card->config.tx_ns) {
        if (!card->tx_scheduled)
            host_event_add(host_now_ns() + card->config.tx_ns, tx_event, card->tx_buf);
        card->tx_scheduled = true;
        return;
    }
    while (can_send(card))
        take_tx_desc(card);
    raise_cause(card, E1000_ICR_TXQE);
}

/* --- receive [3.2] --- */

static uint32_t rx_count(const struct e1000_model *card)
{
    return REG(card, E1000_RDLEN) / (uint32_t)sizeof(struct e1000_rx_desc);
}

static struct e1000_rx_desc *rx_desc(const struct e1000_model *card, uint32_t i)
{
    uint64_t base = REG(card, E1000_RDBAL) | (uint64_t)REG(card, E1000_RDBAH) << 32;

    return (struct e1000_rx_desc *)bus_to_virt(base) + i;
}

unsigned e1000_model_rx_room(const struct e1000_model *card)
{
    uint32_t head = REG(card, E1000_RDH), tail = REG(card, E1000_RDT);

    return (tail < head ? rx_count(card) : 0) + tail - head;
}

/* Descriptors that come back must be blank, or the driver would take them for full ones. */
static void write_rdt(struct e1000_model *card, uint32_t value)
{
    uint32_t i = REG(card, E1000_RDT), n = 0;

    card->counts.rdt_writes++;
    if (!rx_count(card) || value >= rx_count(card)) {
        violation(card, "RDT %u of %u", value, rx_count(card));
        return;
    }
    for (; i != value && n < rx_count(card); i = i + 1 == rx_count(card) ? 0 : i + 1, n++)
        if (rx_desc(card, i)->status || !rx_desc(card, i)->buffer_addr)
            violation(card, "descriptor %u comes back with status %#x, buffer %#llx", i,
                      rx_desc(card, i)->status, (unsigned long long)rx_desc(card, i)->buffer_addr);
    REG(card, E1000_RDT) = value;
}

static bool multicast_wanted(struct e1000_model *card, const uint8_t *addr)
{
    unsigned hash = e1000_model_hash(card, addr);

    return REG(card, E1000_RCTL) & E1000_RCTL_MPE || REG(card, E1000_MTA + hash / 32 * 4) >> hash % 32 & 1;
}

static bool frame_wanted(struct e1000_model *card, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint32_t rctl = REG(card, E1000_RCTL);

    if (!memcmp(frame, broadcast, sizeof(broadcast)))
        return rctl & E1000_RCTL_BAM;
    if (frame[0] & 1)
        return multicast_wanted(card, frame);
    if (rctl & E1000_RCTL_UPE)
        return true;
    for (unsigned i = 0; i < E1000_RA_COUNT; i++) {
        uint32_t low = REG(card, E1000_RAL0 + 8 * i), high = REG(card, E1000_RAH0 + 8 * i);
        if (high & E1000_RAH_AV &&
            low == (frame[0] | frame[1] << 8 | frame[2] << 16 | (uint32_t)frame[3] << 24) &&
            (uint16_t)high == (frame[4] | frame[5] << 8))
            return true;
    }
    return false;
}

static void fill_desc(struct e1000_model *card, const uint8_t *bytes, size_t len, bool last)
{
    uint32_t head = REG(card, E1000_RDH);
    struct e1000_rx_desc *desc = rx_desc(card, head);
    uint8_t status = E1000_RXD_STAT_DD | (last ? E1000_RXD_STAT_EOP : 0) | card->faults.rx_status;

    memcpy(bus_to_virt(desc->buffer_addr), bytes, len);
    desc->length = (uint16_t)len;
    desc->errors = card->faults.rx_errors;
    desc->status = status | (card->faults.rx_good_csum ? 0 : E1000_RXD_STAT_IXSM);
    desc->special = card->rx_special;
    REG(card, E1000_RDH) = head + 1 == rx_count(card) ? 0 : head + 1;
}

static enum e1000_model_rx receive_state(struct e1000_model *card)
{
    if (card->faults.gone || !(REG(card, E1000_RCTL) & E1000_RCTL_EN) ||
        !(REG(card, E1000_STATUS) & E1000_STATUS_LU) || !pci_model_is_master(&card->pci))
        return E1000_MODEL_RX_OFF;
    if (host_now_ns() < card->deaf_until_ns)
        return E1000_MODEL_RX_DEAF;
    return E1000_MODEL_RX_TAKEN;
}

enum e1000_model_rx e1000_model_receive_raw(struct e1000_model *card, const void *frame, size_t len)
{
    const uint8_t *bytes = frame;
    enum e1000_model_rx state = receive_state(card);

    if (state != E1000_MODEL_RX_TAKEN)
        return state;
    if (e1000_model_rx_room(card) < (len + RX_PIECE - 1) / RX_PIECE || !e1000_model_rx_room(card)) {
        raise_cause(card, E1000_ICR_RXO);
        return E1000_MODEL_RX_NO_ROOM;
    }
    do {
        size_t piece = len < RX_PIECE ? len : RX_PIECE;
        fill_desc(card, bytes, piece, piece == len);
        bytes += piece;
        len -= piece;
    } while (len);
    card->counts.frames_received++;
    raise_cause(card,
                E1000_ICR_RXT0 | (e1000_model_rx_room(card) <= rx_count(card) / 2 ? E1000_ICR_RXDMT0 : 0));
    return E1000_MODEL_RX_TAKEN;
}

/* Stores a frame without its tag, which goes into the descriptor [9.2.2]. */
static enum e1000_model_rx receive_stripped(struct e1000_model *card, const uint8_t *frame, size_t len)
{
    uint8_t rest[FRAME_MAX], was = card->faults.rx_status;
    enum e1000_model_rx result;

    memcpy(rest, frame, 12);
    memcpy(rest + 12, frame + 16, len - 16);
    card->rx_special = (uint16_t)(frame[14] << 8 | frame[15]);
    card->faults.rx_status |= E1000_RXD_STAT_VP;
    card->counts.tags_stripped++;
    result = e1000_model_receive_raw(card, rest, len - 4);
    card->faults.rx_status = was;
    card->rx_special = 0;
    return result;
}

static bool is_tagged(struct e1000_model *card, const uint8_t *frame)
{
    return REG(card, E1000_CTRL) & E1000_CTRL_VME &&
           (uint32_t)(frame[12] << 8 | frame[13]) == REG(card, E1000_VET);
}

enum e1000_model_rx e1000_model_receive(struct e1000_model *card, const void *frame, size_t len)
{
    uint8_t padded[FRAME_MIN] = {0};
    enum e1000_model_rx result = receive_state(card);

    if (result != E1000_MODEL_RX_TAKEN)
        return result;
    if (len < FRAME_MIN) {
        memcpy(padded, frame, len);
        frame = padded;
        len = FRAME_MIN;
    }
    if (len > FRAME_MAX - CRC_LEN) {
        REG(card, E1000_ROC)++;
        return E1000_MODEL_RX_OVERSIZE;
    }
    if (!frame_wanted(card, frame))
        return E1000_MODEL_RX_FILTERED;
    result = is_tagged(card, frame) ? receive_stripped(card, frame, len)
                                    : e1000_model_receive_raw(card, frame, len);
    if (result == E1000_MODEL_RX_TAKEN)
        count_frame(card, E1000_TPR, E1000_GPRC, E1000_TORL, E1000_GORCL, len);
    return result;
}

/* --- registers --- */

static void power_on(struct e1000_model *card)
{
    const uint8_t *mac = card->config.mac;

    memset(card->regs, 0, sizeof(card->regs));
    card->context.loaded = card->tso_context.loaded = false;
    card->tx_len = 0;
    card->deaf_until_ns = 0;
    REG(card, E1000_STATUS) = E1000_STATUS_FD | E1000_STATUS_SPEED_1000;
    REG(card, E1000_CTRL) = E1000_CTRL_FD;
    if (!card->config.no_address) {
        REG(card, E1000_RAL0) = mac[0] | mac[1] << 8 | mac[2] << 16 | (uint32_t)mac[3] << 24;
        REG(card, E1000_RAH0) = mac[4] | mac[5] << 8 | E1000_RAH_AV;
    }
    show_link(card, card->cable);
    e1000_model_chip_power_on(card);
}

static void write_ctrl(struct e1000_model *card, uint32_t value)
{
    e1000_model_chip_ctrl(card, value);
    REG(card, E1000_CTRL) = value;
    if (!(value & E1000_CTRL_RST))
        return;
    card->counts.resets++;
    power_on(card);
    update_irq(card);
    if (value & E1000_CTRL_PHY_RST)
        e1000_model_negotiate(card);
}

static void write_rctl(struct e1000_model *card, uint32_t value)
{
    card->counts.rctl_writes++;
    REG(card, E1000_RCTL) = value;
    if (value & E1000_RCTL_EN && !rx_count(card))
        violation(card, "receiver on without a ring");
    if (!card->config.never_deaf)
        card->deaf_until_ns = host_now_ns() + DEAF_NS;
}

static void write_tdt(struct e1000_model *card, uint32_t value)
{
    card->counts.tdt_writes++;
    if (tx_count(card) && value >= tx_count(card)) {
        violation(card, "TDT %u of %u", value, tx_count(card));
        return;
    }
    REG(card, E1000_TDT) = value;
    run_tx(card);
}

static void check_ring(struct e1000_model *card, uint32_t offset, uint32_t value)
{
    bool is_length = offset == E1000_RDLEN || offset == E1000_TDLEN;
    uint32_t align = is_length ? E1000_RING_LENGTH_ALIGN : E1000_RING_BASE_ALIGN;

    if (value % align)
        violation(card, "register %#x: %u is no multiple of %u", offset, value, align);
    if (REG(card, E1000_RCTL) & E1000_RCTL_EN && offset < E1000_TDBAL)
        violation(card, "receive ring moved while the receiver is on");
}

static void mmio_write(void *ctx, uint32_t offset, uint32_t value)
{
    struct e1000_model *card = ctx;

    card->counts.mmio_writes++;
    if (card->faults.gone || e1000_model_chip_write(card, offset, value))
        return;
    switch (offset) {
    case E1000_CTRL:
        return write_ctrl(card, value);
    case E1000_EECD:
        return write_eecd(card, value);
    case E1000_MDIC:
        return write_mdic(card, value);
    case E1000_ICR:
        REG(card, E1000_ICR) &= ~value;
        return update_irq(card);
    case E1000_ICS:
        return raise_cause(card, value);
    case E1000_IMS:
        REG(card, E1000_IMS) |= value;
        return update_irq(card);
    case E1000_IMC:
        REG(card, E1000_IMS) &= ~value;
        return update_irq(card);
    case E1000_RCTL:
        return write_rctl(card, value);
    case E1000_RDT:
        return write_rdt(card, value);
    case E1000_TDT:
        return write_tdt(card, value);
    case E1000_RDLEN:
    case E1000_TDLEN:
    case E1000_RDBAL:
    case E1000_TDBAL:
        check_ring(card, offset, value);
        break;
    case E1000_STATUS:
        violation(card, "STATUS is read-only");
        return;
    default:
        break;
    }
    REG(card, offset) = value;
    if (offset == E1000_TCTL)
        run_tx(card);
}

static uint32_t read_icr(struct e1000_model *card)
{
    uint32_t value = REG(card, E1000_ICR);

    card->counts.icr_reads++;
    REG(card, E1000_ICR) = 0;
    update_irq(card);
    return value;
}

static uint32_t mmio_read(void *ctx, uint32_t offset)
{
    struct e1000_model *card = ctx;
    uint32_t value;

    card->counts.mmio_reads++;
    if (card->faults.gone)
        return UINT32_MAX;
    if (e1000_model_chip_read(card, offset, &value))
        return value;
    switch (offset) {
    case E1000_ICR:
        return read_icr(card);
    case E1000_EECD:
        return read_eecd(card);
    case E1000_EERD:
        return read_eerd(card);
    case E1000_IMC:
        violation(card, "IMC is write-only");
        return 0;
    default:
        break;
    }
    if (offset >= E1000_CRCERRS && offset <= E1000_TPT)
        return read_statistic(card, offset);
    return REG(card, offset);
}

/* --- */

static void plug_in(struct e1000_model *card)
{
    struct pci_model_device *pci = &card->pci;
    unsigned slot = card->config.slot;

    pci_model_init(pci, 0, slot, 0, 0x8086, card->config.device_id, 0x020000);
    if (!card->config.kind && !card->config.maker)
        pci_model_set32(pci, 0x2c, 0x11001af4); /* as QEMU's */
    else
        pci_model_set32(pci, 0x2c, 0x00010000u | card->config.maker);
    pci->bar_writable[0] = ~(uint32_t)(sizeof(card->regs) - 1);
    pci->bar_writable[1] = 0xffc0;
    pci_model_set32(pci, 0x10, 0xfe000000u + slot * 0x100000u);
    pci_model_set32(pci, 0x14, 0xc000u | slot << 6 | 1);
    pci->config[0x3c] = card->config.no_irq ? 0xff : card->config.irq;
    pci->config[0x3d] = 1;
    if (card->config.msi) {
        pci_model_set16(pci, 0x06, 0x0010);
        pci->config[0x34] = E1000_MODEL_MSI;
        pci_model_set32(pci, E1000_MODEL_MSI, 0x00800005); /* 64-bit addresses, one message */
    }
    pci->mmio_read = mmio_read;
    pci->mmio_write = mmio_write;
    pci->mmio_size = sizeof(card->regs);
    pci->ctx = card;
    pci_model_add(pci);
}

struct e1000_model *e1000_model_create(const struct e1000_model_config *config)
{
    struct e1000_model *card = calloc(1, sizeof(*card));

    if (!card)
        abort();
    card->config = *config;
    if (!card->config.device_id)
        card->config.device_id = 0x100e;
    if (!card->config.slot)
        card->config.slot = 3;
    if (!card->config.irq)
        card->config.irq = 11;
    card->cable = !config->link_down;
    card->phy[PHY_CONTROL] = PHY_CONTROL_AUTONEG_ENABLE;
    fill_eeprom(card);
    e1000_model_chip_create(card);
    power_on(card);
    plug_in(card);
    return card;
}

void e1000_model_destroy(struct e1000_model *card)
{
    host_event_cancel(card->phy);
    host_event_cancel(card->tx_buf);
    pci_model_remove(&card->pci);
    free(card);
}
