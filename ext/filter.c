/* SPDX-License-Identifier: MIT */
/*
** The parser of the filter language: recursive descent over the grammar in filter.h. Words are
** split in filter_lex.c, fields found in filter_words.c, nodes made in filter_tree.c.
**
** A parse function returns NULL once something is wrong; the first that knows what says so.
*/
#include "filter.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "filter_lex.h"
#include "filter_tree.h"
#include "filter_words.h"
#include "protocols.h"

enum {
    /* Parentheses and nots in each other. Each may hold an OR of ANDs, so that a tree is less
    ** than FILTER_MAX_DEPTH deep. */
    MAX_NESTING = 60,
    QUOTED = 40 /* octets of the input in a message */
};

struct parser {
    struct filter_lexer lexer;
    struct filter_token token; /* the next one, not yet consumed */
    int nesting;
    bool negated; /* the next test stands behind an odd number of nots */
    char *err;
    size_t errn;
    bool failed;
};

static void advance(struct parser *p) {
    p->token = filter_lex(&p->lexer);
}

static bool take(struct parser *p, enum filter_token_kind kind) {
    if (p->token.kind != kind)
        return false;
    advance(p);
    return true;
}

static bool take_word(struct parser *p, const char *word) {
    if (!filter_token_is(&p->token, word))
        return false;
    advance(p);
    return true;
}

/* Write the message for the token, unless there is one already. Returns NULL. */
__attribute__((format(printf, 3, 4))) static void *
fail(struct parser *p, const struct filter_token *at, const char *format, ...) {
    if (p->failed || !p->errn)
        return NULL;
    p->failed = true;
    char quoted[QUOTED + 8] = "the end";
    if (at->kind != TOKEN_END) {
        size_t n = at->n < QUOTED ? at->n : QUOTED;
        quoted[0] = '\'';
        for (size_t i = 0; i < n; i++)
            quoted[i + 1] = at->p[i] >= ' ' && at->p[i] <= '~' ? at->p[i] : '?';
        snprintf(quoted + n + 1, sizeof quoted - n - 1, "%s'", n < at->n ? "..." : "");
    }
    int used = snprintf(p->err, p->errn, "filter: at %zu, %s: ", at->position, quoted);
    if (used < 0 || (size_t)used >= p->errn)
        return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(p->err + used, p->errn - (size_t)used, format, args);
    va_end(args);
    return NULL;
}

static void *fail_memory(struct parser *p) {
    return fail(p, &p->token, "out of memory");
}

/* A node just made, or the message that there was no memory for it. */
static struct filter_node *checked(struct parser *p, struct filter_node *node) {
    return node ? node : fail_memory(p);
}

/* ---- values ----------------------------------------------------------------------------- */

/* Names for values of some fields. */
static const struct {
    int field;
    const char *name;
    int64_t value;
} value_names[] = {
    {FLOW_direction, "ingress", 0},
    {FLOW_direction, "egress", 1},
};
enum { NVALUE_NAMES = sizeof value_names / sizeof *value_names };

static int64_t named_value(int field, const struct filter_token *token) {
    if (field == FLOW_proto)
        return protocols_number(token->p, token->n);
    for (int i = 0; i < NVALUE_NAMES; i++)
        if (value_names[i].field == field && filter_token_is(token, value_names[i].name))
            return value_names[i].value;
    return -1;
}

static int digit_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

/* Decimal or 0x hexadecimal, the former with a suffix. The number, or -1 if text is none. */
static int64_t number(const char *text, size_t n) {
    bool hex = n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    int base = hex ? 16 : 10;
    size_t i = hex ? 2 : 0;
    int64_t v = 0;
    if (i == n || digit_value(text[i]) >= base)
        return -1;
    for (; i < n && digit_value(text[i]) < base; i++) {
        if (v > (INT64_MAX - 15) / base)
            return -1;
        v = v * base + digit_value(text[i]);
    }
    static const char suffixes[] = "kmgtKMGT";
    const char *suffix = i + 1 == n && !hex && text[i] ? strchr(suffixes, text[i]) : NULL;
    if (i < n && !suffix)
        return -1;
    for (int times = suffix ? (int)((suffix - suffixes) % 4) + 1 : 0; times > 0; times--) {
        if (v > INT64_MAX / 1000)
            return -1;
        v *= 1000;
    }
    return v;
}

/* The greatest value a field can have, by the octets it is exported with. */
static int64_t field_limit(int field) {
    unsigned octets = field == FLOW_tcpflags ? 2 : flow_fields[field].octets;
    return octets == 0 || octets >= 8 ? INT64_MAX : (INT64_C(1) << octets * 8) - 1;
}

static void *fail_value(struct parser *p, int field, const struct filter_token *at) {
    const char *spelling = flow_fields[field].filter;
    if (field == FLOW_proto)
        return fail(p, at, "expected a protocol: a number from 0 to 255, or a name such as tcp");
    if (field == FLOW_direction)
        return fail(p, at, "expected ingress or egress, or 0 or 1");
    if (field_limit(field) == INT64_MAX)
        return fail(p, at, "expected a number for %s", spelling);
    return fail(p, at, "expected a number from 0 to %lld for %s", (long long)field_limit(field),
                spelling);
}

/* A number or name of a value of field, within its limit; -1 and a message otherwise. */
static int64_t value_of(struct parser *p, int field, const struct filter_token *token, size_t from,
                        size_t to) {
    struct filter_token part = *token;
    part.p += from;
    part.n = to - from;
    int64_t v = named_value(field, &part);
    if (v < 0)
        v = number(part.p, part.n);
    if (v < 0 || v > field_limit(field)) {
        fail_value(p, field, token);
        return -1;
    }
    return v;
}

static bool add_number(struct parser *p, int field, enum filter_token_kind comparator,
                       struct filter_values *values) {
    struct filter_token token = p->token;
    if (token.kind != TOKEN_WORD)
        return fail_value(p, field, &token);
    const char *dash = memchr(token.p, '-', token.n);
    size_t head = dash ? (size_t)(dash - token.p) : token.n;
    bool range = dash && comparator == TOKEN_EQ && number(token.p, head) >= 0;
    int64_t lo = value_of(p, field, &token, 0, range ? head : token.n);
    int64_t hi = range && lo >= 0 ? value_of(p, field, &token, head + 1, token.n) : lo;
    if (lo < 0 || hi < 0)
        return false;
    if (lo > hi)
        return fail(p, &token, "expected the smaller number first");
    advance(p);
    switch (comparator) {
    case TOKEN_LT:
        hi = lo - 1; /* -1 for < 0: no value at all, they are not negative */
        lo = 0;
        break;
    case TOKEN_LE:
        lo = 0;
        break;
    case TOKEN_GT:
        if (hi == INT64_MAX)
            lo = INT64_MAX, hi = 0; /* nothing is greater */
        else
            lo = hi + 1, hi = INT64_MAX;
        break;
    case TOKEN_GE:
        hi = INT64_MAX;
        break;
    default:
        break;
    }
    return filter_values_range(values, lo, hi) == 0 || fail_memory(p);
}

static bool add_mac(struct parser *p, int field, struct filter_values *values) {
    uint64_t mac;
    if (p->token.kind != TOKEN_WORD || flow_mac_parse(p->token.p, p->token.n, &mac) != 0)
        return fail(p, &p->token, "expected a MAC address for %s, as 00:11:22:aa:bb:cc",
                    flow_fields[field].filter);
    advance(p);
    return filter_values_range(values, (int64_t)mac, (int64_t)mac) == 0 || fail_memory(p);
}

/* The prefix length of a netmask, or -1 if its ones are not all in front. */
static int mask_length(const struct flow_ip *mask) {
    int length = 0;
    while (length < 32 && (mask->addr[length / 8] >> (7 - length % 8) & 1))
        length++;
    struct flow_ip same = flow_ip_mask(mask, (unsigned)length);
    return flow_ip_cmp(mask, &same) == 0 ? length : -1;
}

/* An address; a network; an address and a netmask. Which of them is told by network and list. */
static bool add_net(struct parser *p, bool network, bool list, struct filter_values *values) {
    struct filter_token token = p->token;
    struct flow_ip lo, hi, mask;
    bool word = token.kind == TOKEN_WORD;
    bool slash = word && memchr(token.p, '/', token.n);
    if (!word || flow_net_parse(token.p, token.n, &lo, &hi) != 0)
        return fail(p, &token, "expected %s",
                    network || slash ? "a network: 192.168.1.0/24, 10/8, 2001:db8::/32"
                                     : "an address: 192.0.2.1, 2001:db8::1; names are not "
                                       "looked up");
    advance(p);
    if (network && !list && !slash) {
        if (lo.family != 4 || p->token.kind != TOKEN_WORD ||
            flow_ip_parse(p->token.p, p->token.n, &mask) != 0 || mask.family != 4)
            return fail(p, &p->token, "expected the length of the network, as in %.*s/%d%s",
                        (int)token.n, token.p, lo.family == 4 ? 24 : 64,
                        lo.family == 4 ? ", or its netmask" : "");
        int length = mask_length(&mask);
        if (length < 0)
            return fail(p, &p->token, "expected a netmask: its ones are all in front");
        advance(p);
        lo = flow_ip_mask(&lo, (unsigned)length);
        hi = lo;
        for (int i = 0; i < 4; i++)
            hi.addr[i] |= (uint8_t)~mask.addr[i];
    }
    return filter_values_net(values, &lo, &hi) == 0 || fail_memory(p);
}

static bool add_value(struct parser *p, const struct filter_phrase *phrase,
                      enum filter_token_kind comparator, bool list, struct filter_values *values) {
    int field = phrase->field[0];
    switch (flow_fields[field].class) {
    case FLOW_IP:
        return add_net(p, phrase->network, list, values);
    case FLOW_MAC:
        return add_mac(p, field, values);
    default:
        return add_number(p, field, comparator, values);
    }
}

static bool add_list(struct parser *p, const struct filter_phrase *phrase,
                     struct filter_values *values) {
    if (!take(p, TOKEN_LIST))
        return fail(p, &p->token, "expected a list: [ ... ]");
    do {
        if (!add_value(p, phrase, TOKEN_EQ, true, values))
            return false;
        take(p, TOKEN_COMMA);
    } while (!take(p, TOKEN_LIST_END));
    return true;
}

/* Comparators with values other than numbers can only be "=". */
static bool add_comparison(struct parser *p, const struct filter_phrase *phrase,
                           struct filter_values *values) {
    struct filter_token sign = p->token;
    enum filter_token_kind comparator = TOKEN_EQ;
    if (sign.kind >= TOKEN_EQ && sign.kind <= TOKEN_GE) {
        comparator = sign.kind;
        advance(p);
    }
    if (comparator != TOKEN_EQ && flow_fields[phrase->field[0]].class != FLOW_UINT)
        return fail(p, &sign, "expected a value: addresses have no order here");
    return add_value(p, phrase, comparator, false, values);
}

/* ---- tests ------------------------------------------------------------------------------ */

/* The test of one field: node is made once for each field of a phrase. */
static struct filter_node *test_field(int field, const struct filter_values *values) {
    return flow_fields[field].class == FLOW_IP ? filter_node_nets(field, values)
                                               : filter_node_ranges(field, values);
}

/* values for every field of the phrase, joined by op. */
static struct filter_node *test_fields(struct parser *p, const struct filter_phrase *phrase,
                                       enum filter_op op, struct filter_values *values) {
    struct filter_node *node = NULL;
    filter_values_normalize(values);
    for (int i = 0; i < phrase->n; i++) {
        struct filter_node *more = test_field(phrase->field[i], values);
        if (!more) {
            filter_free(node);
            return fail_memory(p);
        }
        node = node ? filter_node_join(op, node, more) : more;
        if (!node)
            return fail_memory(p);
    }
    return node;
}

static struct filter_node *parse_comparison(struct parser *p, const struct filter_phrase *phrase,
                                            enum filter_op op) {
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    bool good =
        take_word(p, "in") ? add_list(p, phrase, &values) : add_comparison(p, phrase, &values);
    if (good)
        node = test_fields(p, phrase, op, &values);
    filter_values_free(&values);
    return node;
}

static struct filter_node *test_proto(struct parser *p, int64_t proto) {
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    if (filter_values_range(&values, proto, proto) == 0)
        node = filter_node_ranges(FLOW_proto, &values);
    filter_values_free(&values);
    return checked(p, node);
}

/* flags letters: RFC 9293 3.1 and RFC 3168. nfdump's X stands for the first six. */
static const struct {
    char letter;
    uint8_t mask;
} flag_letters[] = {
    {'F', 0x01}, {'S', 0x02}, {'R', 0x04}, {'P', 0x08}, {'A', 0x10},
    {'U', 0x20}, {'E', 0x40}, {'C', 0x80}, {'X', 0x3f},
};
enum { NFLAG_LETTERS = sizeof flag_letters / sizeof *flag_letters };

/* The mask of the letters, or -1 when one is no flag. */
static int64_t flags_mask(const struct filter_token *token) {
    int64_t mask = 0;
    for (size_t i = 0; token->kind == TOKEN_WORD && i < token->n; i++) {
        int known = 0;
        for (int k = 0; k < NFLAG_LETTERS; k++)
            if ((token->p[i] & ~0x20) == flag_letters[k].letter) {
                mask |= flag_letters[k].mask;
                known = 1;
            }
        if (!known)
            return -1;
    }
    return token->kind == TOKEN_WORD ? mask : -1;
}

/* All flags of mask set, or one of them. */
static struct filter_node *test_flags(struct parser *p, int64_t mask, bool all) {
    if (all || !mask)
        return checked(p, filter_node_mask(FLOW_tcpflags, mask, mask));
    struct filter_node *node = NULL;
    for (int64_t bit = 1; bit <= mask; bit <<= 1) {
        if (!(mask & bit))
            continue;
        struct filter_node *more = filter_node_mask(FLOW_tcpflags, bit, bit);
        if (!more) {
            filter_free(node);
            return fail_memory(p);
        }
        node = node ? filter_node_join(FILTER_OR, node, more) : more;
        if (!node)
            return fail_memory(p);
    }
    return node;
}

/* As nfdump does, flags are looked for in TCP alone, and `not flags SA` says that neither is set
** (so does `not (flags SA or ...)`), while `flags SA` says that both are. */
static struct filter_node *parse_flags(struct parser *p, const struct filter_phrase *phrase) {
    struct filter_token token = p->token;
    int64_t mask = flags_mask(&token);
    struct filter_node *flags;
    if (mask >= 0) {
        advance(p);
        flags = test_flags(p, mask, !p->negated);
    } else if (token.kind == TOKEN_WORD && !filter_token_is(&token, "in") &&
               number(token.p, token.n) < 0) {
        return fail(p, &token, "expected letters of FSRPAUEC or X, or a number");
    } else {
        flags = parse_comparison(p, phrase, FILTER_OR);
    }
    struct filter_node *tcp = flags ? test_proto(p, IPPROTO_TCP) : NULL;
    if (tcp)
        return checked(p, filter_node_join(FILTER_AND, tcp, flags));
    filter_free(flags);
    return NULL;
}

static struct filter_node *parse_phrase(struct parser *p, const struct filter_phrase *phrase,
                                        enum filter_op op) {
    if (phrase->field[0] == FLOW_tcpflags)
        return parse_flags(p, phrase);
    return parse_comparison(p, phrase, op);
}

/* ipv4 and ipv6: by the field where the exporter sent it, and by the source address. */
static struct filter_node *test_family(struct parser *p, int64_t version) {
    static const uint8_t none[16],
        all[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct flow_ip lo = flow_ip_make((int)version, none), hi = flow_ip_make((int)version, all);
    struct filter_values values = {0};
    struct filter_node *number_test = NULL, *address_test = NULL, *node = NULL;
    if (filter_values_range(&values, version, version) == 0 &&
        filter_values_net(&values, &lo, &hi) == 0) {
        number_test = filter_node_ranges(FLOW_ipversion, &values);
        address_test = filter_node_nets(FLOW_srcip, &values);
    }
    if (number_test && address_test) {
        node = filter_node_join(FILTER_OR, number_test, address_test);
    } else {
        filter_free(number_test);
        filter_free(address_test);
    }
    filter_values_free(&values);
    return checked(p, node);
}

static struct filter_node *test_any(struct parser *p, int64_t unused) {
    (void)unused;
    return checked(p, filter_node_true());
}

/* Words that are a whole test. */
static const struct {
    const char *word;
    struct filter_node *(*test)(struct parser *p, int64_t argument);
    int64_t argument;
} plain_tests[] = {
    {"any", test_any, 0},
    {"ipv4", test_family, 4},
    {"inet", test_family, 4},
    {"ipv6", test_family, 6},
    {"inet6", test_family, 6},
    {"tcp", test_proto, IPPROTO_TCP},
    {"udp", test_proto, IPPROTO_UDP},
    {"icmp", test_proto, IPPROTO_ICMP},
    {"icmp6", test_proto, IPPROTO_ICMPV6},
};
enum { NPLAIN_TESTS = sizeof plain_tests / sizeof *plain_tests };

/* Why the words at the parser are no test. */
static void *fail_test(struct parser *p, const struct filter_token *words, int n) {
    int outside = filter_phrase_outside(words, n);
    if (outside >= 0)
        return fail(p, &words[0], "filters do not test %s: compare the SQL column %s in WHERE",
                    flow_fields[outside].filter, flow_fields[outside].name);
    char fields[1024];
    filter_phrase_list(fields, sizeof fields);
    return fail(p, n ? &words[0] : &p->token,
                "expected a test: any, ipv4, ipv6, tcp, udp, icmp, icmp6, "
                "[src|dst] host, [src|dst] net, [src|dst] port, or a field: %s",
                fields);
}

/* Take up to n words from where the parser is, without moving it. */
static int look_ahead(const struct parser *p, struct filter_token *words, int n) {
    struct filter_lexer lexer = p->lexer;
    struct filter_token token = p->token;
    int i = 0;
    for (; i < n && token.kind == TOKEN_WORD; i++) {
        words[i] = token;
        token = filter_lex(&lexer);
    }
    return i;
}

static void skip(struct parser *p, int words) {
    while (words-- > 0)
        advance(p);
}

/* src and dst X, src or dst X: the parser is at "and" or "or". */
static struct filter_node *parse_both(struct parser *p, const struct filter_token *first) {
    enum filter_op op = p->token.kind == TOKEN_AND ? FILTER_AND : FILTER_OR;
    advance(p);
    struct filter_token second = p->token, words[FILTER_PHRASE_WORDS];
    if (!filter_is_direction(&second))
        return fail(p, &second, "expected src, dst, in or out");
    advance(p);
    int n = look_ahead(p, words, FILTER_PHRASE_WORDS);
    struct filter_phrase phrase = filter_phrase_pair(first, &second, words, n);
    if (!phrase.words)
        return fail(p, &p->token, "expected what %.*s and %.*s both have: host, net, port, as, ...",
                    (int)first->n, first->p, (int)second.n, second.p);
    skip(p, phrase.words);
    return parse_phrase(p, &phrase, op);
}

static struct filter_node *parse_test(struct parser *p) {
    struct filter_token words[FILTER_PHRASE_WORDS];
    int n = look_ahead(p, words, FILTER_PHRASE_WORDS);
    struct filter_phrase phrase = filter_phrase_find(words, n);
    if (phrase.words <= 1)
        for (int i = 0; i < NPLAIN_TESTS; i++)
            if (take_word(p, plain_tests[i].word))
                return plain_tests[i].test(p, plain_tests[i].argument);
    if (phrase.words) {
        skip(p, phrase.words);
        return parse_phrase(p, &phrase, FILTER_OR);
    }
    if (n && filter_is_direction(&words[0])) {
        advance(p);
        if (p->token.kind == TOKEN_AND || p->token.kind == TOKEN_OR)
            return parse_both(p, &words[0]);
        return fail(p, &p->token, "expected host, net, port, as, ... after %.*s", (int)words[0].n,
                    words[0].p);
    }
    return fail_test(p, words, n);
}

/* ---- expressions ------------------------------------------------------------------------ */

static struct filter_node *parse_expression(struct parser *p);

static struct filter_node *parse_factor(struct parser *p) {
    struct filter_token start = p->token;
    bool negate = false;
    while (take(p, TOKEN_NOT))
        negate = !negate;
    p->negated ^= negate;
    struct filter_node *node = NULL;
    if (take(p, TOKEN_OPEN)) {
        if (++p->nesting > MAX_NESTING)
            return fail(p, &start, "expected no more than %d parentheses in each other",
                        (int)MAX_NESTING);
        node = parse_expression(p);
        if (node && !take(p, TOKEN_CLOSE)) {
            fail(p, &p->token, "expected and, or, or the ) for the ( at %zu", start.position);
            filter_free(node);
            return NULL;
        }
        p->nesting--;
    } else {
        node = parse_test(p);
    }
    p->negated ^= negate;
    return node && negate ? checked(p, filter_node_not(node)) : node;
}

/* operands with the operator between them; next parses one operand. */
static struct filter_node *parse_chain(struct parser *p, enum filter_token_kind token,
                                       enum filter_op op,
                                       struct filter_node *(*next)(struct parser *)) {
    struct filter_node *node = next(p);
    while (node && take(p, token)) {
        struct filter_node *more = next(p);
        if (!more) {
            filter_free(node);
            return NULL;
        }
        node = checked(p, filter_node_join(op, node, more));
    }
    return node;
}

static struct filter_node *parse_term(struct parser *p) {
    return parse_chain(p, TOKEN_AND, FILTER_AND, parse_factor);
}

static struct filter_node *parse_expression(struct parser *p) {
    return parse_chain(p, TOKEN_OR, FILTER_OR, parse_term);
}

struct filter_node *filter_parse(const char *text, size_t n, char *err, size_t errn) {
    struct parser p = {.lexer = {text, n, 0}, .err = err, .errn = errn};
    if (errn)
        err[0] = '\0';
    if (n > FILTER_MAX_TEXT) {
        p.token = (struct filter_token){TOKEN_END, text + n, 0, n + 1};
        return fail(&p, &p.token, "expected no more than %d octets", (int)FILTER_MAX_TEXT);
    }
    advance(&p);
    if (p.token.kind == TOKEN_END)
        return test_any(&p, 0);
    struct filter_node *node = parse_expression(&p);
    if (node && p.token.kind != TOKEN_END) {
        fail(&p, &p.token, "expected and, or, or the end");
        filter_free(node);
        return NULL;
    }
    return node;
}
