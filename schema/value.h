/* SPDX-License-Identifier: MIT */
/*
** What a flow's values are made of, and their text forms: addresses, MAC addresses, times.
** Nothing here allocates; every *_text function writes a NUL-terminated string into the
** caller's buffer and returns its length.
*/
#ifndef FLOWVT_VALUE_H
#define FLOWVT_VALUE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An address of either family. IPv4: family 4, the four octets in network order in addr[0..3]
** and zeros behind; IPv6: family 6. family 0: no address. Always zero-filled, so that memcmp()
** compares and orders addresses: all IPv4 before all IPv6, each in numeric order. */
struct flow_ip {
    uint8_t family;
    uint8_t addr[16];
};

enum {
    FLOW_IP_TEXT = 46,   /* longest IPv6 text and its NUL (INET6_ADDRSTRLEN) */
    FLOW_NET_TEXT = 50,  /* an address, "/128" and a NUL */
    FLOW_MAC_TEXT = 18,  /* aa:bb:cc:dd:ee:ff and its NUL */
    FLOW_TIME_TEXT = 32, /* YYYY-MM-DD HH:MM:SS.SSS and its NUL; room for far years */
};

/* Milliseconds since 1970 of what the texts of times can say: the years 0000 to 9999. */
#define FLOW_MS_MIN INT64_C(-62167219200000)
#define FLOW_MS_MAX INT64_C(253402300799999)

static inline int flow_ip_cmp(const struct flow_ip *a, const struct flow_ip *b) {
    return memcmp(a, b, sizeof *a);
}

/* octets: 4 or 16 octets in network order, by family (4 or 6). */
static inline struct flow_ip flow_ip_make(int family, const void *octets) {
    struct flow_ip ip = {(uint8_t)family, {0}};
    if (family == 4)
        memcpy(ip.addr, octets, 4);
    else
        memcpy(ip.addr, octets, 16);
    return ip;
}

/* Canonical text: dotted decimal, or RFC 5952. Family 0 gives "". */
size_t flow_ip_text(const struct flow_ip *ip, char out[FLOW_IP_TEXT]);

/* Parse the whole of text[0..n) as one address. Returns 0, or -1 if it is none. */
int flow_ip_parse(const char *text, size_t n, struct flow_ip *out);

/* Parse "address/length" or a plain address (length of a host: 32 or 128). The bits behind
** the length are cleared in *first and set in *last, so that a network is first <= ip <= last.
** nfdump's short forms are taken too: "10/8", "192.168/16". Returns 0 or -1. */
int flow_net_parse(const char *text, size_t n, struct flow_ip *first, struct flow_ip *last);

/* The same text as the address and the length that it has; the address may have bits behind the length. */
int flow_net_split(const char *text, size_t n, struct flow_ip *ip, unsigned *len);

/* ip with all bits behind the first len (0 to 32, or to 128) cleared. */
struct flow_ip flow_ip_mask(const struct flow_ip *ip, unsigned len);

/* The network of that length in which ip lies: "192.0.2.0/24". */
size_t flow_net_text(const struct flow_ip *ip, unsigned len, char out[FLOW_NET_TEXT]);

/* mac: the 48 bits as an integer, first octet highest. */
size_t flow_mac_text(uint64_t mac, char out[FLOW_MAC_TEXT]);
/* Six hexadecimal octets with ':' or '-' between. Returns 0 or -1. */
int flow_mac_parse(const char *text, size_t n, uint64_t *out);

/* ms: milliseconds since 1970-01-01 UTC, may be negative; proleptic Gregorian calendar. */
size_t flow_time_text(int64_t ms, char out[FLOW_TIME_TEXT]);

/* Civil date from days since 1970-01-01 and back (proleptic Gregorian). */
void flow_civil(int64_t days, int *year, int *month, int *day);
int64_t flow_days(int year, int month, int day);

#endif
