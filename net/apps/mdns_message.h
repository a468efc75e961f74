/*
 * mdns_message.h - multicast DNS messages, read and built (RFC 1035 4, RFC 6762 18).
 *
 * Pure: bytes in, records out, and the reverse. A name is kept as RFC 1035 3.1 has it on the wire, without
 * compression: labels with their lengths in front, the last of length 0.
 */
#ifndef NET_APPS_MDNS_MESSAGE_H
#define NET_APPS_MDNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX     255u /* bytes, RFC 1035 2.3.4 */
#define DNS_LABEL_MAX    63u
#define DNS_HEADER       12u
#define MDNS_MESSAGE_MAX 1472u /* what we read and write: a datagram in one Ethernet frame */

/* Of one message. An honest one, full of the shortest answers to a browser, has some fifty. */
#define DNS_ENTRIES_MAX 64u

enum dns_type {
    DNS_A = 1,
    DNS_PTR = 12,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_NSEC = 47,
    DNS_ANY = 255
};

#define DNS_IN           1u
#define DNS_CLASS_ANY    255u
#define MDNS_CACHE_FLUSH 0x8000u /* of a record's class: it is the only one of its name and type (10.2) */
#define MDNS_UNICAST     0x8000u /* of a question's class: answer to me alone (5.4) */

#define DNS_RESPONSE      0x8000u
#define DNS_OPCODE        0x7800u
#define DNS_AUTHORITATIVE 0x0400u
#define DNS_RCODE         0x000fu

struct dns_name {
    uint8_t wire[DNS_NAME_MAX];
    uint8_t len;
};

/* "skiff", "local": NULL ends the labels. An over-long name is empty (len 0). */
struct dns_name dns_name_of(const char *label, ...) __attribute__((sentinel));
/* Letters of either case are the same (RFC 1035 2.3.3). */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/* --- reading --- */

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_END };

/* What stands next in a message. Of a question there are name, type and class only. */
struct dns_entry {
    enum dns_section section;
    struct dns_name name;
    uint16_t type, class;
    uint32_t ttl;
    const uint8_t *data; /* in the message; names inside may be compressed */
    uint16_t data_len;
};

struct dns_reader {
    const uint8_t *message;
    size_t len, at;
    uint16_t id, flags;
    uint16_t left[DNS_END]; /* entries not read yet */
    unsigned budget;        /* ... and how many of them will be */
};

/* Return: false if it is too short to be a message. */
bool dns_read(struct dns_reader *reader, const uint8_t *message, size_t len);
/* Return: false at the end, where it is damaged, or after DNS_ENTRIES_MAX: what comes behind is not looked
 * at. */
bool dns_read_next(struct dns_reader *reader, struct dns_entry *entry);
/* The name that a record's data ends with, from byte `offset` on (PTR 0, SRV 6): false if it is damaged. */
bool dns_read_name_in(const struct dns_reader *reader, const struct dns_entry *entry, size_t offset,
                      struct dns_name *name);

/* --- building --- */

struct dns_writer {
    uint8_t message[MDNS_MESSAGE_MAX];
    size_t len;
    uint16_t count[DNS_END];
    bool overflow; /* something did not fit, and was left out whole */
};

void dns_write(struct dns_writer *writer, uint16_t id, uint16_t flags);
void dns_write_question(struct dns_writer *writer, const struct dns_name *name, uint16_t type,
                        uint16_t class);
/* Sections in their order: answers before authorities before additional records. */
void dns_write_record(struct dns_writer *writer, enum dns_section section, const struct dns_name *name,
                      uint16_t type, uint16_t class, uint32_t ttl, const void *data, size_t len);
/* Sets the counts; the message is whole then. */
void dns_write_end(struct dns_writer *writer);

#endif
