/*
 * iperf3.h - the server's half of iperf3's protocol, port 5201; a service of inetd.
 *
 *     client                                   server
 *     control connection: cookie, 37 bytes  ->
 *                                           <- PARAM_EXCHANGE
 *     length (32 bits), JSON: parameters    ->
 *                                           <- CREATE_STREAMS
 *     data connections, each: cookie        ->
 *                                           <- TEST_START, TEST_RUNNING
 *     ... bytes on the data connections, from the client, to it (-R) or both (--bidir) ...
 *     TEST_END                              ->
 *                                           <- EXCHANGE_RESULTS
 *     length, JSON: results                 ->
 *                                           <- length, JSON: results
 *                                           <- DISPLAY_RESULTS
 *     IPERF_DONE                            ->
 *
 * A state is one signed byte on the control connection.
 */
#ifndef NET_APPS_IPERF3_H
#define NET_APPS_IPERF3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPERF3_COOKIE_LEN 37 /* 36 characters and a NUL */
/* With the control connection, some of SERVICE_CONN_MAX stay free for others. */
#define IPERF3_STREAMS_MAX 24
#define IPERF3_PARAMS_MAX  4096u  /* bytes of JSON */
#define IPERF3_BUFFER      65536u /* bytes per recv() and send(); also bounds the JSON of results */

enum iperf3_state {
    IPERF3_TEST_START = 1,
    IPERF3_TEST_RUNNING = 2,
    IPERF3_TEST_END = 4,
    IPERF3_PARAM_EXCHANGE = 9,
    IPERF3_CREATE_STREAMS = 10,
    IPERF3_CLIENT_TERMINATE = 12,
    IPERF3_EXCHANGE_RESULTS = 13,
    IPERF3_DISPLAY_RESULTS = 14,
    IPERF3_DONE = 16,
    IPERF3_ACCESS_DENIED = -1,
    IPERF3_SERVER_ERROR = -2, /* followed by two numbers of 32 bits: iperf3's own, and errno */
};

/* What follows SERVER_ERROR: "number of parallel streams too large", "... is not implemented yet". */
#define IPERF3_ERROR_NONE          0
#define IPERF3_ERROR_STREAMS       6
#define IPERF3_ERROR_UNIMPLEMENTED 13

/* What the client asks for. */
struct iperf3_params {
    int streams;         /* in each direction that is used */
    bool reverse, both;  /* server sends; both send */
    bool nodelay;        /* TCP_NODELAY */
    size_t block_len;    /* bytes per send() */
    uint64_t bits_per_s; /* limit for each stream we send on, 0: none */
    char congestion[16]; /* algorithm for TCP_CONGESTION, "": the default one */
};

/**
 * iperf3_read_params - the parameters in a JSON text
 * Return: 0, or an IPERF3_ERROR_* for what we do not do, or -1 if it is no JSON object.
 */
int iperf3_read_params(const char *json, size_t len, struct iperf3_params *params);

#endif
