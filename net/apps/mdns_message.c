/*
 * mdns_message.c - DNS messages: names, questions and records.
 *
 * A compressed name points back to an earlier place, where a label stands (RFC 1035 4.1.4); each jump must go
 * further back than the one before, so that no message makes us run in circles, and none is for nothing: a
 * name costs no more than its 255 bytes allow.
 */
#include "net/apps/mdns_message.h"

#include <stdarg.h>
#include <string.h>

#define POINTER      0xc0u
#define RECORD_FIXED 10u /* type, class, ttl, length */

/* --- names --- */

struct dns_name dns_name_of(const char *label, ...)
{
    struct dns_name name = {.len = 0};
    va_list labels;
    size_t at = 0;
    va_start(labels, label);
    for (; label; label = va_arg(labels, const char *)) {
        size_t len = strlen(label);
        if (len > DNS_LABEL_MAX || !len || at + 1 + len + 1 > DNS_NAME_MAX) {
            at = DNS_NAME_MAX;
            break;
        }
        name.wire[at] = (uint8_t)len;
        memcpy(name.wire + at + 1, label, len);
        at += 1 + len;
    }
    va_end(labels);
    if (at < DNS_NAME_MAX) {
        name.wire[at] = 0;
        name.len = (uint8_t)(at + 1);
    }
    return name;
}

/* Lengths of labels are below 'A' and so are not changed. */
static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    if (a->len != b->len)
        return false;
    for (unsigned i = 0; i < a->len; i++)
        if (lower(a->wire[i]) != lower(b->wire[i]))
            return false;
    return true;
}

/* Return: where the name ends in the message (not where a pointer led to), 0 if it is damaged. */
static size_t read_name(const uint8_t *message, size_t len, size_t at, struct dns_name *name)
{
    size_t end = 0, limit = at;
    unsigned out = 0;
    while (at < len) {
        uint8_t label = message[at];
        if (label >= POINTER) {
            if (at + 1 >= len)
                return 0;
            size_t to = (size_t)(label & ~POINTER) << 8 | message[at + 1];
            end = end ? end : at + 2;
            if (to >= limit || to < DNS_HEADER || message[to] >= POINTER)
                return 0;
            limit = at = to;
            continue;
        }
        if (label > DNS_LABEL_MAX || at + 1 + label > len || out + 1 + label > DNS_NAME_MAX)
            return 0;
        memcpy(name->wire + out, message + at, 1 + label);
        out += 1 + label;
        at += 1 + label;
        if (!label) {
            name->len = (uint8_t)out;
            return end ? end : at;
        }
    }
    return 0;
}

/* --- reading --- */

static uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

bool dns_read(struct dns_reader *reader, const uint8_t *message, size_t len)
{
    if (len < DNS_HEADER)
        return false;
    *reader = (struct dns_reader){.message = message,
                                  .len = len,
                                  .at = DNS_HEADER,
                                  .budget = DNS_ENTRIES_MAX,
                                  .id = read_u16(message),
                                  .flags = read_u16(message + 2)};
    for (unsigned s = 0; s < DNS_END; s++)
        reader->left[s] = read_u16(message + 4 + 2 * s);
    return true;
}

bool dns_read_next(struct dns_reader *reader, struct dns_entry *entry)
{
    unsigned section = DNS_QUESTION;
    while (section < DNS_END && !reader->left[section])
        section++;
    if (section == DNS_END || !reader->budget)
        return false;
    reader->budget--;
    *entry = (struct dns_entry){.section = section};
    size_t at = read_name(reader->message, reader->len, reader->at, &entry->name);
    const uint8_t *p = reader->message + at;
    if (!at || at + 4 > reader->len)
        return false;
    entry->type = read_u16(p);
    entry->class = read_u16(p + 2);
    reader->at = at + 4;
    if (section != DNS_QUESTION) {
        if (at + RECORD_FIXED > reader->len)
            return false;
        entry->ttl = (uint32_t)read_u16(p + 4) << 16 | read_u16(p + 6);
        entry->data_len = read_u16(p + 8);
        entry->data = p + RECORD_FIXED;
        if (entry->data_len > reader->len - at - RECORD_FIXED)
            return false;
        reader->at = at + RECORD_FIXED + entry->data_len;
    }
    reader->left[section]--;
    return true;
}

bool dns_read_name_in(const struct dns_reader *reader, const struct dns_entry *entry, size_t offset,
                      struct dns_name *name)
{
    size_t at = (size_t)(entry->data - reader->message);
    return read_name(reader->message, reader->len, at + offset, name) == at + entry->data_len;
}

/* --- building --- */

static uint8_t *put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

void dns_write(struct dns_writer *writer, uint16_t id, uint16_t flags)
{
    memset(writer, 0, sizeof(*writer));
    put_u16(writer->message, id);
    put_u16(writer->message + 2, flags);
    writer->len = DNS_HEADER;
}

/* Room for a name and `more` bytes; writes the name and says where the rest goes, NULL if it does not fit. */
static uint8_t *put_name(struct dns_writer *writer, enum dns_section section, const struct dns_name *name,
                         size_t more)
{
    uint8_t *at = writer->message + writer->len;
    if (!name->len || writer->len + name->len + more > sizeof(writer->message)) {
        writer->overflow = true;
        return NULL;
    }
    memcpy(at, name->wire, name->len);
    writer->len += name->len + more;
    writer->count[section]++;
    return at + name->len;
}

void dns_write_question(struct dns_writer *writer, const struct dns_name *name, uint16_t type, uint16_t class)
{
    uint8_t *at = put_name(writer, DNS_QUESTION, name, 4);
    if (at)
        put_u16(put_u16(at, type), class);
}

void dns_write_record(struct dns_writer *writer, enum dns_section section, const struct dns_name *name,
                      uint16_t type, uint16_t class, uint32_t ttl, const void *data, size_t len)
{
    uint8_t *at = put_name(writer, section, name, RECORD_FIXED + len);
    if (!at)
        return;
    at = put_u16(put_u16(at, type), class);
    at = put_u16(put_u16(at, (uint16_t)(ttl >> 16)), (uint16_t)ttl);
    at = put_u16(at, (uint16_t)len);
    memcpy(at, data, len);
}

void dns_write_end(struct dns_writer *writer)
{
    for (unsigned s = 0; s < DNS_END; s++)
        put_u16(writer->message + 4 + 2 * s, writer->count[s]);
}
