/*
 * e1000_regs.h - registers, bits and descriptors of Intel's 8254x, under the manual's own names. All later
 * members of the family have them too; what only those have is in e1000_regs_pcie.h.
 *
 * Numbers in brackets are sections of Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software
 * Developer's Manual" (317453). Registers are 32 bits wide, offsets from BAR 0. Only what the driver or the
 * model under its tests touches stands here.
 */
#ifndef DRIVERS_E1000_E1000_REGS_H
#define DRIVERS_E1000_E1000_REGS_H

#include "kernel/types.h"

#define E1000_BAR_REGISTERS 0          /* [4.1.1] */
#define E1000_REG_SPACE     0x20000    /* bytes */
#define E1000_ALL_ONES      0xffffffff /* what any register of a card that is gone reads as */

/* --- Device control [13.4.1] --- */
#define E1000_CTRL         0x00000
#define E1000_CTRL_FD      0x00000001 /* full duplex */
#define E1000_CTRL_LRST    0x00000008 /* link reset */
#define E1000_CTRL_ASDE    0x00000020 /* speed as the PHY found it */
#define E1000_CTRL_SLU     0x00000040 /* set link up */
#define E1000_CTRL_ILOS    0x00000080 /* invert loss of signal */
#define E1000_CTRL_FRCSPD  0x00000800 /* force speed */
#define E1000_CTRL_FRCDPLX 0x00001000 /* force duplex */
#define E1000_CTRL_RST     0x04000000 /* reset all but the PHY; clears itself */
#define E1000_CTRL_RFCE    0x08000000 /* obey PAUSE frames */
#define E1000_CTRL_TFCE    0x10000000 /* send PAUSE frames */
#define E1000_CTRL_VME     0x40000000 /* strip and insert VLAN tags */
#define E1000_CTRL_PHY_RST 0x80000000 /* hold the PHY in reset */

/* --- Device status [13.4.2] --- */
#define E1000_STATUS            0x00008
#define E1000_STATUS_FD         0x00000001
#define E1000_STATUS_LU         0x00000002 /* link is up */
#define E1000_STATUS_FUNCTION_1 0x00000004 /* second port of a dual-port card */
#define E1000_STATUS_SPEED      0x000000c0
#define E1000_STATUS_SPEED_100  0x00000040
#define E1000_STATUS_SPEED_1000 0x00000080 /* either of 0x80, 0xc0 */

/* --- EEPROM by bit-banging [13.4.3], Microwire protocol [5.4] --- */
#define E1000_EECD      0x00010
#define E1000_EECD_SK   0x00000001 /* clock */
#define E1000_EECD_CS   0x00000002 /* chip select */
#define E1000_EECD_DI   0x00000004 /* bit to the EEPROM */
#define E1000_EECD_DO   0x00000008 /* bit from the EEPROM */
#define E1000_EECD_REQ  0x00000040 /* ask for access ... */
#define E1000_EECD_GNT  0x00000080 /* ... and have it (82540 and later) */
#define E1000_EECD_PRES 0x00000100
#define E1000_EECD_SIZE 0x00000200 /* 256 words, 8 address bits; else 64 words, 6 bits */

#define EEPROM_MICROWIRE_READ 0x6 /* start bit and opcode 10 */
#define EEPROM_OPCODE_BITS    3
#define EEPROM_WORD_BITS      16

/* --- EEPROM read register [13.4.4] --- */
#define E1000_EERD            0x00014
#define E1000_EERD_START      0x00000001
#define E1000_EERD_DONE       0x00000010
#define E1000_EERD_ADDR_SHIFT 8
#define E1000_EERD_DATA_SHIFT 16

/* EEPROM content [5.6]: words 0-2 the address, words 0x00-0x3f add up to the signature [5.6.35]. */
#define EEPROM_MAC_WORD_0   0x00
#define EEPROM_CHECKSUM_REG 0x3f
#define EEPROM_WORDS        0x40
#define EEPROM_SUM          0xbaba

/* --- MDI control: the way to the PHY [13.4.7] --- */
#define E1000_MDIC           0x00020
#define E1000_MDIC_DATA      0x0000ffff
#define E1000_MDIC_REG_SHIFT 16
#define E1000_MDIC_PHY_SHIFT 21
#define E1000_MDIC_OP_WRITE  0x04000000
#define E1000_MDIC_OP_READ   0x08000000
#define E1000_MDIC_READY     0x10000000
#define E1000_MDIC_ERROR     0x40000000
#define E1000_PHY_ADDRESS    1 /* of the PHY inside these cards */

/* PHY registers [13.4.7.1], IEEE 802.3 clause 22. */
#define PHY_CONTROL                 0
#define PHY_CONTROL_ISOLATE         0x0400
#define PHY_CONTROL_POWER_DOWN      0x0800
#define PHY_CONTROL_RESTART_AUTONEG 0x0200
#define PHY_CONTROL_AUTONEG_ENABLE  0x1000
#define PHY_CONTROL_LOOPBACK        0x4000
#define PHY_STATUS                  1
#define PHY_STATUS_LINK             0x0004 /* falls and stays 0 until read */
#define PHY_STATUS_AUTONEG_COMPLETE 0x0020
#define PHY_ID_1                    2
#define PHY_ID_2                    3
#define PHY_REGISTERS               32

/* --- Flow control [13.4.8 - 13.4.10, 13.4.12] --- */
#define E1000_FCAL  0x00028
#define E1000_FCAH  0x0002c
#define E1000_FCT   0x00030
#define E1000_FCTTV 0x00170
#define E1000_FCRTL 0x02160 /* [13.4.23] */
#define E1000_FCRTH 0x02168 /* [13.4.24] */

/* --- VLAN tags: the EtherType that makes one [13.4.13] --- */
#define E1000_VET       0x00038
#define E1000_VET_8021Q 0x8100

/* --- Interrupts [13.4.17 - 13.4.21], causes by bit [13.4.17] --- */
#define E1000_ICR         0x000c0    /* causes; reading clears all, writing ones clears these */
#define E1000_ITR         0x000c4    /* least distance of two interrupts, in 256 ns */
#define E1000_ICS         0x000c8    /* set causes by software */
#define E1000_IMS         0x000d0    /* mask set: allow causes; reads as what is allowed */
#define E1000_IMC         0x000d8    /* mask clear */
#define E1000_ICR_TXDW    0x00000001 /* transmit descriptor written back */
#define E1000_ICR_TXQE    0x00000002 /* transmit ring empty */
#define E1000_ICR_LSC     0x00000004 /* link status change */
#define E1000_ICR_RXSEQ   0x00000008 /* receive sequence error */
#define E1000_ICR_RXDMT0  0x00000010 /* receive descriptors run low */
#define E1000_ICR_RXO     0x00000040 /* receiver overrun */
#define E1000_ICR_RXT0    0x00000080 /* frames received */
#define E1000_ICR_ALL     0xffffffff
#define E1000_ITR_UNIT_NS 256

/* --- Receive [13.4.22, 13.4.25 - 13.4.31, 13.4.46, 13.4.47] --- */
#define E1000_RCTL            0x00100
#define E1000_RCTL_EN         0x00000002
#define E1000_RCTL_SBP        0x00000004 /* store bad packets */
#define E1000_RCTL_UPE        0x00000008 /* unicast promiscuous */
#define E1000_RCTL_MPE        0x00000010 /* multicast promiscuous */
#define E1000_RCTL_LPE        0x00000020 /* long packets: beyond 1522 bytes */
#define E1000_RCTL_RDMTS      0x00000300 /* RXDMT0 when 1/2, 1/4, 1/8 of the descriptors are left */
#define E1000_RCTL_RDMTS_HALF 0x00000000
#define E1000_RCTL_MO         0x00003000 /* which bits of an address the multicast table hashes */
#define E1000_RCTL_MO_47_36   0x00000000
#define E1000_RCTL_BAM        0x00008000 /* broadcasts */
#define E1000_RCTL_BSIZE      0x00030000
#define E1000_RCTL_BSIZE_2048 0x00000000
#define E1000_RCTL_SECRC      0x04000000 /* strip the CRC */
#define E1000_RDBAL           0x02800
#define E1000_RDBAH           0x02804
#define E1000_RDLEN           0x02808 /* bytes, a multiple of 128 */
#define E1000_RDH             0x02810
#define E1000_RDT             0x02818
#define E1000_RDTR            0x02820 /* delay of RXT0 after each packet, 1.024 us */
#define E1000_RADV            0x0282c
#define E1000_RXCSUM          0x05000
#define E1000_RXCSUM_IPOFL    0x00000100 /* check IPv4 headers */
#define E1000_RXCSUM_TUOFL    0x00000200 /* check TCP and UDP */

/* --- Transmit [13.4.33, 13.4.34, 13.4.36 - 13.4.44] --- */
#define E1000_TCTL             0x00400
#define E1000_TCTL_EN          0x00000002
#define E1000_TCTL_PSP         0x00000008 /* pad short packets to 64 bytes */
#define E1000_TCTL_CT_SHIFT    4          /* collision threshold: half duplex retries */
#define E1000_TCTL_CT_DEFAULT  15
#define E1000_TCTL_COLD_SHIFT  12 /* collision distance, in byte times */
#define E1000_TCTL_COLD_FD     64
#define E1000_TCTL_RTLC        0x01000000 /* retransmit on late collision */
#define E1000_TIPG             0x00410    /* gap between packets: the values IEEE 802.3 asks for on copper */
#define E1000_TIPG_IPGT        8
#define E1000_TIPG_IPGR1       8
#define E1000_TIPG_IPGR1_SHIFT 10
#define E1000_TIPG_IPGR2       6
#define E1000_TIPG_IPGR2_SHIFT 20
#define E1000_TDBAL            0x03800
#define E1000_TDBAH            0x03804
#define E1000_TDLEN            0x03808
#define E1000_TDH              0x03810
#define E1000_TDT              0x03818
#define E1000_TIDV             0x03820
#define E1000_TXDCTL           0x03828
#define E1000_TADV             0x0382c

/* Rings: base on 16 bytes [3.2.6], length a multiple of 128 bytes [13.4.27, 13.4.38]. */
#define E1000_RING_BASE_ALIGN   16
#define E1000_RING_LENGTH_ALIGN 128

/* --- Filters [13.5] --- */
#define E1000_MTA       0x05200 /* multicast table: 4096 bits [13.5.1] */
#define E1000_MTA_WORDS 128
#define E1000_RAL0      0x05400 /* receive addresses [13.5.2, 13.5.3]: pairs of low and high */
#define E1000_RAH0      0x05404
#define E1000_RAH_AV    0x80000000 /* address valid */
#define E1000_RA_COUNT  16         /* later members have fewer */

/* --- Statistics [13.7]: cleared by reading; the high half of a 64-bit one is read last --- */
#define E1000_CRCERRS  0x04000
#define E1000_ALGNERRC 0x04004
#define E1000_RXERRC   0x0400c
#define E1000_MPC      0x04010 /* missed: no room in the card */
#define E1000_SCC      0x04014
#define E1000_ECOL     0x04018 /* excessive collisions */
#define E1000_LATECOL  0x04020
#define E1000_CEXTERR  0x0403c
#define E1000_RLEC     0x04040 /* length field wrong */
#define E1000_GPRC     0x04074 /* good packets received */
#define E1000_BPRC     0x04078
#define E1000_MPRC     0x0407c
#define E1000_GPTC     0x04080 /* good packets sent */
#define E1000_GORCL    0x04088 /* good bytes received, CRC included */
#define E1000_GORCH    0x0408c
#define E1000_GOTCL    0x04090
#define E1000_GOTCH    0x04094
#define E1000_RNBC     0x040a0 /* came while no receive descriptor was free */
#define E1000_RUC      0x040a4 /* undersize */
#define E1000_RFC      0x040a8 /* fragments */
#define E1000_ROC      0x040ac /* oversize */
#define E1000_RJC      0x040b0 /* jabber */
#define E1000_TORL     0x040c0
#define E1000_TORH     0x040c4
#define E1000_TOTL     0x040c8
#define E1000_TOTH     0x040cc
#define E1000_TPR      0x040d0 /* all packets received */
#define E1000_TPT      0x040d4

/* --- Receive descriptor [3.2.3] --- */
struct e1000_rx_desc {
    uint64_t buffer_addr;
    uint16_t length; /* from here on written by the card */
    uint16_t checksum;
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};
_Static_assert(sizeof(struct e1000_rx_desc) == 16, "317453 3.2.3");

#define E1000_RXD_STAT_DD    0x01 /* the card is done with it */
#define E1000_RXD_STAT_EOP   0x02 /* last buffer of the packet */
#define E1000_RXD_STAT_IXSM  0x04 /* ignore the checksum bits */
#define E1000_RXD_STAT_VP    0x08 /* had a VLAN tag, which `special` holds now */
#define E1000_RXD_STAT_TCPCS 0x20 /* TCP or UDP checksum was looked at */
#define E1000_RXD_STAT_IPCS  0x40
#define E1000_RXD_ERR_CE     0x01 /* CRC or alignment */
#define E1000_RXD_ERR_SE     0x02
#define E1000_RXD_ERR_SEQ    0x04
#define E1000_RXD_ERR_CXE    0x10
#define E1000_RXD_ERR_TCPE   0x20 /* TCP or UDP checksum wrong */
#define E1000_RXD_ERR_IPE    0x40
#define E1000_RXD_ERR_RXE    0x80
#define E1000_RXD_ERR_FRAME                                                                                  \
    (E1000_RXD_ERR_CE | E1000_RXD_ERR_SE | E1000_RXD_ERR_SEQ | E1000_RXD_ERR_CXE | E1000_RXD_ERR_RXE)

/* --- Transmit descriptors: TCP/IP context [3.3.6] and TCP/IP data [3.3.7] --- */
struct e1000_context_desc {
    uint8_t ipcss, ipcso; /* IPv4 header: where its sum starts, where it is stored, last byte */
    uint16_t ipcse;
    uint8_t tucss, tucso; /* the same for TCP or UDP; tucse 0: to the end of the packet */
    uint16_t tucse;
    uint32_t paylen_dtyp_tucmd;
    uint8_t status;
    uint8_t hdrlen;
    uint16_t mss;
};

struct e1000_data_desc {
    uint64_t buffer_addr;
    uint32_t dtalen_dtyp_dcmd;
    uint8_t status; /* written by the card */
    uint8_t popts;
    uint16_t special;
};

union e1000_tx_desc {
    struct e1000_context_desc context;
    struct e1000_data_desc data;
};
_Static_assert(sizeof(union e1000_tx_desc) == 16, "317453 3.3.6");

#define E1000_TXD_DTALEN_MASK  0x000fffff
#define E1000_TXD_DTYP_CONTEXT 0x00000000
#define E1000_TXD_DTYP_DATA    0x00100000
#define E1000_TXD_CMD_EOP      0x01000000 /* last descriptor of the packet */
#define E1000_TXD_CMD_IFCS     0x02000000 /* card appends the CRC */
#define E1000_TXD_CMD_TSE      0x04000000 /* segment it */
#define E1000_TXD_CMD_RS       0x08000000 /* write DD back when done */
#define E1000_TXD_CMD_DEXT     0x20000000 /* not a legacy descriptor */
#define E1000_TXD_CMD_VLE      0x40000000 /* insert the VLAN tag in `special` */
#define E1000_TXD_CMD_IDE      0x80000000 /* delay TXDW by TIDV */
#define E1000_TXD_TUCMD_TCP    0x01000000 /* context: TCP, else UDP */
#define E1000_TXD_TUCMD_IP     0x02000000 /* context: IPv4, else IPv6 */
#define E1000_TXD_STAT_DD      0x01
#define E1000_TXD_POPTS_IXSM   0x01 /* insert the IPv4 header checksum */
#define E1000_TXD_POPTS_TXSM   0x02 /* insert the TCP or UDP checksum */

#endif
