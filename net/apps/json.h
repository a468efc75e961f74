/*
 * json.h - as much JSON (RFC 8259) as two programs need that exchange short objects.
 *
 * Reading takes no memory: a value is a piece of the document. Nothing is decoded but whole numbers, and no
 * document is trusted: a key is found only in an object that is well-formed to its end.
 */
#ifndef NET_APPS_JSON_H
#define NET_APPS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16 /* objects and arrays within each other; more is not well-formed for us */

/* Is this one object, with nothing but white space around it? */
bool json_is_object(const char *doc, size_t len);

/* The member of that name in the document's outermost object. Return: the number (without its fraction, held
 * to the range of int64_t), or `otherwise` if there is none, or it is no number. */
int64_t json_get_number(const char *doc, size_t len, const char *key, int64_t otherwise);

/* Return: true if there is such a member and it is the word true. */
bool json_get_true(const char *doc, size_t len, const char *key);

/* The member's characters between the quotes, as they stand (escapes are left as they are), and a NUL.
 * Return: false, and "" in `out`, if there is none or it does not fit. */
bool json_get_string(const char *doc, size_t len, const char *key, char *out, size_t size);

/* Where an object is written: a piece of text that grows, and knows whether a comma is due. */
struct json_writer {
    char *text; /* the caller's room, always with a NUL */
    size_t size, len;
    bool comma, full; /* full: something did not fit and was left out */
};

void json_start(struct json_writer *w, char *text, size_t size);
/* `bracket` is one of { [ and } ]; a key of NULL is for the outermost object and members of arrays. */
void json_open(struct json_writer *w, const char *key, char bracket);
void json_close(struct json_writer *w, char bracket);
void json_put_number(struct json_writer *w, const char *key, int64_t value);
/* A number of millionths, written as a decimal fraction: 1500000 is 1.500000. */
void json_put_micro(struct json_writer *w, const char *key, int64_t millionths);
/* `value` must hold nothing that needs an escape. */
void json_put_word(struct json_writer *w, const char *key, const char *value);

#endif
