/*
 * start_page.h - what the web server shows when it was given no site: what this machine is, and how it is
 * doing.
 */
#ifndef NET_APPS_START_PAGE_H
#define NET_APPS_START_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct http_files;

/* Everything comes from this machine, and nothing else is ever loaded. */
#define START_PAGE_POLICY                                                                                    \
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " \
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                         \
    "Referrer-Policy: no-referrer\r\n"

/* What only the web server knows. */
struct start_page_figures {
    int conn_fd; /* the connection that asks: its two addresses are shown */
    uint16_t port;
    const char *host; /* as the visitor wrote it (Host), not NUL-terminated; host_len 0: unknown */
    size_t host_len;
    uint64_t requests;
    unsigned connections;
};

/* The page ("/"), and its figures alone ("/status.json"). Return: length, at most size. */
size_t start_page_html(const struct start_page_figures *web, char *out, size_t size);
size_t start_page_json(const struct start_page_figures *web, char *out, size_t size);

/* The files the page refers to. 0, or -1 without memory. */
int start_page_add_files(struct http_files *files);

#endif
