/* SPDX-License-Identifier: MIT */
/*
** nfdump's filter language, compiled to a tree of tests on the fields of one flow. flowvt-filter(7)
** is the manual of the language; the scan evaluates the tree over columns and prunes by it.
**
**   src net 192.168.1.0/24 and not dst port in [80 443]
**   (tcp or proto udp) and port 53            # a comment ends with the line
**   host 2001:db8::1 and flags S and not flags A
**
** Grammar. Keywords are words in any case. [ ] in quotes stand for themselves; without quotes they
** mean "may be left out", { } "any number of times". @include FILE is replaced by what is in the
** file, wherever a word may stand (filter_source.h).
**
**   expr    = term { ("or" | "||") term }            "and" binds tighter than "or", "not" than both
**   term    = factor { ("and" | "&&") factor }
**   factor  = ("not" | "!") factor | "(" expr ")" | test
**   test    = "any"
**           | "ipv4" | "inet" | "ipv6" | "inet6"     the address family
**           | "tcp" | "udp" | "icmp" | "icmp6"       short for proto ...
**           | "ttl" "equal"
**           | [dir] "flags" ["="] letters            TCP, and all of these are set, or with "=" just
**                                                    these: FSRPAUEC, X for the first six
**           | [dir] "port" "in" "nat" "pblock"       between pblockstart and pblockend
**           | "mpls" ("any" | "eos" | "label"N | "exp"N) ([comp] value | ["in"] list)    N from 1 to 10
**           | subject [comp] value
**           | subject ["in"] list
**   subject = [dir] field | number computed: duration (in milliseconds), pps, bps, bpp, dscp, count
**   dir     = "src" | "dst" | "src" "or" "dst" | "src" "and" "dst"; left out: "src or dst". Likewise
**             in, out; min, max; ingress, egress
**   comp    = "=" "==" "eq" | "<" "lt" | ">" "gt" | "<=" "le" | ">=" "ge"; left out: "="
**   list    = "[" value { [","] value } "]"
**   value   = number | number "-" number | address | network | country | time | text, by the field's
**             class, and of addresses by whether "ip", "net" or "geo" is said
**
** field is the spelling that schema/fields.def gives a column, or the column's name in SQL; of a column of the site's
** (registry.h) its name, unless that is a word of the language already. Numbers
** are decimal or 0x hexadecimal, with k, m, g or t behind for 10^3, 10^6, 10^9, 10^12. What nfdump
** can test and a flow of ours does not have is refused, by name and with the reason.
**
** Meaning. Values are those that SQL shows: counters are scaled by the sampling rate, pps and bps are
** NULL for flows without duration. Two-valued: a test on a field that is NULL fails, and `not` of a
** failing test holds, so `not dst port 80` keeps ICMP flows that have no port. One trait of nfdump's
** older versions is kept because its users write `flags S and not flags AFRPU` for the SYN alone, as
** all of its manuals tell them to: behind an odd number of nots, `flags` with letters asks for any of
** them instead of all.
*/
#ifndef FLOWVT_FILTER_H
#define FLOWVT_FILTER_H

#include "../schema/mpls.h"
#include "computed.h"
#include "filter_values.h"
#include "own.h"

enum filter_op {
    FILTER_TRUE,
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_RANGES, /* an integer field lies in one of values.range; none: never */
    FILTER_NETS,   /* an address field lies in one of values.net */
    FILTER_MASK,   /* (field & mask) == value */
    FILTER_TEXTS,  /* a text field is one of values.text */
    FILTER_REALS,  /* a computed number lies in one of values.real */
    FILTER_OWN,    /* a column of the site's is one of values, by its type */
    FILTER_MPLS    /* what value (enum filter_label) says of the MPLS labels is in values.range */
};

/* Of the labels in the column mpls, from the top. */
enum filter_label {
    FILTER_LABEL_ANY,    /* one of them at least */
    FILTER_LABEL_BOTTOM, /* the one at the bottom of the stack */
    FILTER_LABEL_NTH,    /* the first one, and so on */
    FILTER_EXP_NTH = FILTER_LABEL_NTH + MPLS_LABELS,
    FILTER_LABEL_END = FILTER_EXP_NTH + MPLS_LABELS
};

struct filter_node {
    enum filter_op op;
    int field;                    /* enum flow_field of RANGES, NETS, MASK, TEXTS, MPLS */
    enum computed computed;       /* of REALS */
    const struct own_column *own; /* of OWN; borrowed */
    uint32_t n;                   /* of child: two or more of AND and OR, one of NOT */
    struct filter_node **child;
    struct filter_values values; /* normalized */
    int64_t mask, value;
};

enum {
    FILTER_MAX_DEPTH = 200 /* of the tree, and so of a recursion over it */
};

struct registry;

/* Compile text[0..n). now_ms: the time that relative times count from. own: columns that the site has besides, which
** the tree borrows, or NULL. geodb: the file of countries (geo.h), or NULL. Returns a tree to be freed with
** filter_free(), or NULL and in err one sentence with the place (line and column from 1, and the file
** if it was included), what was expected and what stands there. Any bytes are safe input, but they
** may name files to read: see filter_source.h. An empty text (blanks and comments alone) is `any`,
** as in nfdump. */
struct filter_node *filter_parse(const char *text, size_t n, int64_t now_ms,
                                 const struct registry *own, const char *geodb, char *err,
                                 size_t errn);

/* NULL is fine. */
void filter_free(struct filter_node *node);

/* Does the flow pass? The definition of a tree's meaning, row by row. */
bool filter_match(const struct filter_node *node, const struct flow_row *row);

#endif
