/* SPDX-License-Identifier: MIT */
/*
** Text forms of addresses, MAC addresses and times, and back.
*/
#include "value.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>

/* Decimal 0 to 255 without NUL; returns its length. */
static size_t octet_text(uint8_t v, char *out) {
    size_t n = 0;
    if (v >= 100)
        out[n++] = (char)('0' + v / 100);
    if (v >= 10)
        out[n++] = (char)('0' + v / 10 % 10);
    out[n++] = (char)('0' + v % 10);
    return n;
}

static size_t ipv4_text(const uint8_t octets[4], char *out) {
    size_t n = 0;
    for (int i = 0; i < 4; i++) {
        n += octet_text(octets[i], out + n);
        out[n++] = '.';
    }
    return n - 1;
}

/* The first of the longest runs of zero groups, two at least: its begin; *length 0: there is none. */
static int longest_zeros(const uint16_t group[8], int *length) {
    int begin = 0;
    *length = 0;
    for (int i = 0, run; i < 8; i += run + 1) {
        for (run = 0; i + run < 8 && group[i + run] == 0;)
            run++;
        if (run > *length && run > 1) {
            begin = i;
            *length = run;
        }
    }
    return begin;
}

static size_t group_text(uint16_t group, char *out) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (int shift = 12; shift >= 0; shift -= 4)
        if (n > 0 || shift == 0 || group >> shift)
            out[n++] = hex[group >> shift & 15];
    return n;
}

/* RFC 5952, as inet_ntop() has it, in a tenth of the time; without a NUL. */
static size_t ipv6_text(const uint8_t addr[16], char *out) {
    uint16_t group[8];
    int length;
    size_t n = 0;
    for (int i = 0; i < 8; i++)
        group[i] = (uint16_t)(addr[2 * i] << 8 | addr[2 * i + 1]);
    int begin = longest_zeros(group, &length);
    /* ::192.0.2.1 and ::ffff:192.0.2.1 */
    bool mapped = begin == 0 && (length == 6 || (length == 5 && group[5] == 0xffff));
    for (int i = 0; i < 8; i++) {
        if (i == begin && length) {
            out[n++] = ':';
            i += length - 1;
            if (i == 7)
                out[n++] = ':';
            continue;
        }
        if (i > 0)
            out[n++] = ':';
        if (i == 6 && mapped)
            return n + ipv4_text(addr + 12, out + n);
        n += group_text(group[i], out + n);
    }
    return n;
}

size_t flow_ip_text(const struct flow_ip *ip, char out[FLOW_IP_TEXT]) {
    if (ip->family == 4) {
        size_t n = ipv4_text(ip->addr, out);
        out[n] = '\0';
        return n;
    }
    size_t n = ip->family == 6 ? ipv6_text(ip->addr, out) : 0;
    out[n] = '\0';
    return n;
}

/* Four decimal octets without zeros in front, as inet_pton() takes them. */
static bool ipv4_parse(const char *text, size_t n, uint8_t octets[4]) {
    unsigned value = 0, digits = 0, octet = 0;
    for (const char *end = text + n; text < end; text++) {
        unsigned digit = (unsigned char)*text - (unsigned)'0';
        if (digit <= 9 && (value || !digits)) {
            value = value * 10 + digit;
            digits++;
            if (value > 255)
                return false;
        } else if (*text == '.' && digits && octet < 3) {
            octets[octet++] = (uint8_t)value;
            value = digits = 0;
        } else {
            return false;
        }
    }
    octets[octet] = (uint8_t)value;
    return octet == 3 && digits;
}

int flow_ip_parse(const char *text, size_t n, struct flow_ip *out) {
    char copy[FLOW_IP_TEXT];
    uint8_t octets[16];
    if (ipv4_parse(text, n, octets)) {
        *out = flow_ip_make(4, octets);
        return 0;
    }
    if (n >= sizeof copy || memchr(text, '\0', n))
        return -1;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (inet_pton(AF_INET6, copy, octets) != 1)
        return -1;
    *out = flow_ip_make(6, octets);
    return 0;
}

/* One to three decimal octets, the rest zero, as in "10" of "10/8". */
static int short_ipv4(const char *text, size_t n, struct flow_ip *out) {
    uint8_t octets[4] = {0};
    unsigned value = 0, digits = 0, octet = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] >= '0' && text[i] <= '9' && digits < 3) {
            value = value * 10 + (unsigned)(text[i] - '0');
            digits++;
        } else if (text[i] == '.' && digits && octet < 2) {
            octets[octet++] = (uint8_t)value;
            value = digits = 0;
        } else {
            return -1;
        }
        if (value > 255)
            return -1;
    }
    if (!digits)
        return -1;
    octets[octet] = (uint8_t)value;
    *out = flow_ip_make(4, octets);
    return 0;
}

struct flow_ip flow_ip_mask(const struct flow_ip *ip, unsigned len) {
    struct flow_ip out = *ip;
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = len > i * 8 ? len - i * 8 : 0;
        if (keep < 8)
            out.addr[i] &= (uint8_t)(0xff00 >> keep);
    }
    return out;
}

int flow_net_split(const char *text, size_t n, struct flow_ip *ip, unsigned *len) {
    const char *slash = memchr(text, '/', n);
    size_t head = slash ? (size_t)(slash - text) : n;
    if (flow_ip_parse(text, head, ip) != 0 && (!slash || short_ipv4(text, head, ip) != 0))
        return -1;
    unsigned bits = ip->family == 4 ? 32 : 128;
    *len = bits;
    if (slash) {
        size_t digits = n - head - 1;
        if (digits == 0 || digits > 3)
            return -1;
        *len = 0;
        for (size_t i = head + 1; i < n; i++) {
            if (text[i] < '0' || text[i] > '9')
                return -1;
            *len = *len * 10 + (unsigned)(text[i] - '0');
        }
    }
    return *len > bits ? -1 : 0;
}

int flow_net_parse(const char *text, size_t n, struct flow_ip *first, struct flow_ip *last) {
    struct flow_ip ip;
    unsigned len;
    if (flow_net_split(text, n, &ip, &len) != 0)
        return -1;
    *first = *last = flow_ip_mask(&ip, len);
    for (unsigned i = 0; i < (ip.family == 4 ? 4 : 16); i++) {
        unsigned keep = len > i * 8 ? len - i * 8 : 0;
        if (keep < 8)
            last->addr[i] |= (uint8_t)(0xff >> keep);
    }
    return 0;
}

size_t flow_net_text(const struct flow_ip *ip, unsigned len, char out[FLOW_NET_TEXT]) {
    struct flow_ip net = flow_ip_mask(ip, len);
    size_t n = flow_ip_text(&net, out);
    out[n++] = '/';
    n += octet_text((uint8_t)len, out + n);
    out[n] = '\0';
    return n;
}

size_t flow_mac_text(uint64_t mac, char out[FLOW_MAC_TEXT]) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (int shift = 44; shift >= 0; shift -= 4) {
        out[n++] = hex[mac >> shift & 15];
        if (shift % 8 == 0)
            out[n++] = ':';
    }
    out[--n] = '\0';
    return n;
}

int flow_mac_parse(const char *text, size_t n, uint64_t *out) {
    if (n != 17)
        return -1;
    uint64_t mac = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (i % 3 == 2) {
            if (c != ':' && c != '-')
                return -1;
            continue;
        }
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        mac = mac << 4 | (uint64_t)digit;
    }
    *out = mac;
    return 0;
}

/* Days and civil dates: eras of 400 years that begin on 1 March. */
enum { ERA_DAYS = 146097, EPOCH_SHIFT = 719468 /* 0000-03-01 to 1970-01-01 */ };

void flow_civil(int64_t days, int *year, int *month, int *day) {
    int64_t z = days + EPOCH_SHIFT;
    int64_t era = (z >= 0 ? z : z - ERA_DAYS + 1) / ERA_DAYS;
    int64_t doe = z - era * ERA_DAYS;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int64_t flow_days(int year, int month, int day) {
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * ERA_DAYS + doe - EPOCH_SHIFT;
}

static char *digits(char *p, unsigned v, int width) {
    for (int i = width - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + width;
}

size_t flow_time_text(int64_t ms, char out[FLOW_TIME_TEXT]) {
    enum { DAY = 86400000 };
    int64_t days = ms / DAY, rest = ms % DAY;
    if (rest < 0) {
        rest += DAY;
        days--;
    }
    /* Beyond year 9999 nothing sorts as text any more; such times come from broken exporters. */
    const int64_t first = -719528, last = 2932896; /* 0000-01-01 and 9999-12-31 */
    if (days < first || days > last) {
        days = days < first ? first : last;
        rest = days == first ? 0 : DAY - 1;
    }
    int year, month, day;
    flow_civil(days, &year, &month, &day);
    unsigned r = (unsigned)rest;
    char *p = digits(out, (unsigned)year, 4);
    *p++ = '-';
    p = digits(p, (unsigned)month, 2);
    *p++ = '-';
    p = digits(p, (unsigned)day, 2);
    *p++ = ' ';
    p = digits(p, r / 3600000, 2);
    *p++ = ':';
    p = digits(p, r / 60000 % 60, 2);
    *p++ = ':';
    p = digits(p, r / 1000 % 60, 2);
    *p++ = '.';
    p = digits(p, r % 1000, 3);
    *p = '\0';
    return (size_t)(p - out);
}
