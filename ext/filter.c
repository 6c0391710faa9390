/* SPDX-License-Identifier: MIT */
/*
** The parser of the filter language: recursive descent over the grammar in filter.h. Words are
** split in filter_lex.c, fields found in filter_words.c, values read in filter_literal.c, nodes made
** in filter_tree.c.
**
** A parse function returns NULL once something is wrong; the first that knows what says so.
*/
#include "filter.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "filter_parser.h"
#include "registry.h"

enum {
    /* Parentheses and nots in each other. Each may hold an OR of ANDs of nots, so that a tree is
    ** less than FILTER_MAX_DEPTH deep. */
    MAX_NESTING = 60,
    QUOTED = 40 /* octets of the input in a message */
};

/* ---- tokens and messages ---------------------------------------------------------------- */

void filter_advance(struct filter_parser *p) {
    filter_lex_advance(&p->lexer);
    p->token = filter_lex_peek(&p->lexer, 0);
}

bool filter_take(struct filter_parser *p, enum filter_token_kind kind) {
    if (p->token.kind != kind)
        return false;
    filter_advance(p);
    return true;
}

bool filter_take_word(struct filter_parser *p, const char *word) {
    if (!filter_token_is(&p->token, word))
        return false;
    filter_advance(p);
    return true;
}

/* Append to the message, which is cut off where the caller's buffer ends. */
static void say(struct filter_parser *p, const char *format, va_list args) {
    size_t used = strlen(p->err);
    vsnprintf(p->err + used, p->errn - used, format, args);
}

__attribute__((format(printf, 2, 3))) static void tell(struct filter_parser *p, const char *format,
                                                       ...) {
    va_list args;
    va_start(args, format);
    say(p, format, args);
    va_end(args);
}

static void tell_found(struct filter_parser *p, const struct filter_token *at) {
    if (at->kind == TOKEN_END) {
        tell(p, ", found the end");
        return;
    }
    /* What is in a file may be nobody's business who can only name it. */
    if (at->source->name)
        return;
    char quoted[QUOTED + 1];
    size_t n = at->n < QUOTED ? at->n : QUOTED;
    for (size_t i = 0; i < n; i++)
        quoted[i] = at->p[i] >= ' ' && at->p[i] <= '~' ? at->p[i] : '?';
    tell(p, ", found '%.*s%s'", (int)n, quoted, n < at->n ? "..." : "");
}

void *filter_fail(struct filter_parser *p, const struct filter_token *at, const char *format, ...) {
    if (p->failed || !p->errn)
        return NULL;
    p->failed = true;
    size_t line, column;
    filter_token_place(at, &line, &column);
    p->err[0] = '\0';
    tell(p, "filter: %s%sline %zu, column %zu: ", at->source->name ? at->source->name : "",
         at->source->name ? ", " : "", line, column);
    if (at->kind == TOKEN_FAULT) {
        tell(p, "%s", p->lexer.fault);
        return NULL;
    }
    va_list args;
    va_start(args, format);
    say(p, format, args);
    va_end(args);
    if (strncmp(format, "expected", 8) == 0)
        tell_found(p, at);
    return NULL;
}

void *filter_fail_memory(struct filter_parser *p) {
    return filter_fail(p, &p->token, "out of memory");
}

/* A node just made, or the message that there was no memory for it. */
static struct filter_node *checked(struct filter_parser *p, struct filter_node *node) {
    return node ? node : filter_fail_memory(p);
}

/* a op b; either may be NULL, after a failure. */
static struct filter_node *join(struct filter_parser *p, enum filter_op op, struct filter_node *a,
                                struct filter_node *b) {
    if (a && b)
        return checked(p, filter_node_join(op, a, b));
    filter_free(a);
    filter_free(b);
    return NULL;
}

/* ---- tests ------------------------------------------------------------------------------ */

/* values for every field of the phrase, joined by op. */
static struct filter_node *test_fields(struct filter_parser *p, const struct filter_phrase *phrase,
                                       enum filter_op op, struct filter_values *values) {
    filter_values_normalize(values);
    if (phrase->own)
        return checked(p, filter_node_own(phrase->own, values));
    if (!phrase->n)
        return checked(p, filter_node_computed(phrase->computed, values));
    struct filter_node *node = checked(p, filter_node_values(phrase->field[0], values));
    for (int i = 1; node && i < phrase->n; i++)
        node = join(p, op, node, checked(p, filter_node_values(phrase->field[i], values)));
    return node;
}

/* Values other than numbers and times can only be equal. */
static bool add_comparison(struct filter_parser *p, const struct filter_subject *subject,
                           struct filter_values *values) {
    struct filter_token sign = p->token;
    enum filter_token_kind comparator = TOKEN_EQ;
    bool country = subject->phrase->spelling == FILTER_COUNTRY && filter_is_country(&sign);
    if (sign.kind >= TOKEN_EQ && sign.kind <= TOKEN_GE && !country) {
        comparator = sign.kind;
        filter_advance(p);
    }
    enum flow_class class = filter_phrase_class(subject->phrase);
    if (comparator != TOKEN_EQ && class != FLOW_UINT && class != FLOW_TIME)
        return filter_fail(p, &sign, "expected a value: %s has no order here", subject->name);
    return filter_add_value(p, subject, comparator, values);
}

/* The number computed is exactly v. */
static struct filter_node *test_computed(struct filter_parser *p, enum computed id, double v) {
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    if (filter_values_real(&values, v, v) == 0)
        node = filter_node_computed(id, &values);
    filter_values_free(&values);
    return checked(p, node);
}

/* port in nat pblock: the parser is behind these words. */
static struct filter_node *test_block(struct filter_parser *p, const struct filter_phrase *phrase,
                                      const struct filter_token *at, enum filter_op op) {
    struct filter_node *node = NULL;
    for (int i = 0; i < phrase->n; i++) {
        int field = phrase->field[i];
        if (field != FLOW_srcport && field != FLOW_dstport) {
            filter_free(node);
            return filter_fail(p, at, "expected a list: [ ... ]; a nat pblock has ports");
        }
        struct filter_node *one =
            test_computed(p, field == FLOW_srcport ? COMPUTED_srcblock : COMPUTED_dstblock, 1);
        node = i ? join(p, op, node, one) : one;
    }
    return node;
}

static struct filter_node *parse_comparison(struct filter_parser *p,
                                            const struct filter_phrase *phrase, enum filter_op op) {
    struct filter_subject subject = filter_subject_of(phrase);
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    bool india = phrase->spelling == FILTER_COUNTRY && filter_token_is(&p->token, "in") &&
                 filter_lex_peek(&p->lexer, 1).kind != TOKEN_LIST;
    bool list = !india && filter_take_word(p, "in");
    struct filter_token first = p->token;
    if (list && (filter_take_word(p, "nat") || filter_take_word(p, "xlate"))) {
        if (!filter_take_word(p, "pblock"))
            return filter_fail(p, &p->token, "expected pblock, as in port in nat pblock");
        return test_block(p, phrase, &first, op);
    }
    if (list || p->token.kind == TOKEN_LIST ? filter_add_list(p, &subject, &values)
                                            : add_comparison(p, &subject, &values))
        node = test_fields(p, phrase, op, &values);
    filter_values_free(&values);
    return node;
}

/* Which of the labels the token names: any, eos, labelN or expN. FILTER_LABEL_END: none; *wrong: but N is no number of one. */
static enum filter_label label_of(const struct filter_token *token, bool *wrong) {
    static const struct {
        const char *word;
        enum filter_label first;
    } words[] = {{"label", FILTER_LABEL_NTH}, {"exp", FILTER_EXP_NTH}};
    *wrong = false;
    if (filter_token_is(token, "any"))
        return FILTER_LABEL_ANY;
    if (filter_token_is(token, "eos"))
        return FILTER_LABEL_BOTTOM;
    for (size_t i = 0; token->kind == TOKEN_WORD && i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].word);
        if (token->n < n || strncasecmp(token->p, words[i].word, n) != 0)
            continue;
        int64_t number = filter_number(token->p + n, token->n - n);
        *wrong = number < 1 || number > MPLS_LABELS;
        return *wrong ? FILTER_LABEL_END : (enum filter_label)(words[i].first + number - 1);
    }
    return FILTER_LABEL_END;
}

/* mpls label1 16, mpls exp1 > 3, mpls any [16 17]: behind the word mpls. A text is one of the column. */
static struct filter_node *parse_labels(struct filter_parser *p,
                                        const struct filter_phrase *phrase) {
    static const struct filter_phrase number = {.field = {FLOW_flowlabel}, .n = 1};
    struct filter_token token = p->token;
    bool wrong;
    const enum filter_label what = label_of(&token, &wrong);
    if (wrong)
        return filter_fail(p, &token, "expected label1 to label%d, exp1 to exp%d, eos or any",
                           (int)MPLS_LABELS, (int)MPLS_LABELS);
    if (what == FILTER_LABEL_END)
        return parse_comparison(p, phrase, FILTER_OR);
    filter_advance(p);
    struct filter_subject subject = {&number, "mpls"};
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    if (filter_take_word(p, "in") || p->token.kind == TOKEN_LIST
            ? filter_add_list(p, &subject, &values)
            : add_comparison(p, &subject, &values)) {
        filter_values_normalize(&values);
        node = checked(p, filter_node_mpls(what, &values));
    }
    filter_values_free(&values);
    return node;
}

/* lo <= field <= hi */
static struct filter_node *test_range(struct filter_parser *p, int field, int64_t lo, int64_t hi) {
    struct filter_values values = {0};
    struct filter_node *node = NULL;
    if (filter_values_range(&values, lo, hi) == 0)
        node = filter_node_values(field, &values);
    filter_values_free(&values);
    return checked(p, node);
}

static struct filter_node *test_proto(struct filter_parser *p, int64_t proto) {
    return test_range(p, FLOW_proto, proto, proto);
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
static struct filter_node *test_flags(struct filter_parser *p, int64_t mask, bool all) {
    if (all || !mask)
        return checked(p, filter_node_mask(FLOW_tcpflags, mask, mask));
    struct filter_node *node = NULL;
    for (int64_t bit = 1; bit <= mask; bit <<= 1) {
        if (!(mask & bit))
            continue;
        struct filter_node *more = checked(p, filter_node_mask(FLOW_tcpflags, bit, bit));
        node = node ? join(p, FILTER_OR, node, more) : more;
        if (!node)
            return NULL;
    }
    return node;
}

/* The part of parse_flags() behind the word. */
static struct filter_node *parse_flags_value(struct filter_parser *p,
                                             const struct filter_phrase *phrase) {
    struct filter_token token = p->token;
    struct filter_token next = filter_lex_peek(&p->lexer, 1);
    int64_t mask = flags_mask(&token);
    if (mask >= 0) {
        filter_advance(p);
        return test_flags(p, mask, !p->negated);
    }
    if (token.kind == TOKEN_EQ && (mask = flags_mask(&next)) >= 0) { /* these and no others */
        filter_advance(p);
        filter_advance(p);
        return test_range(p, FLOW_tcpflags, mask, mask);
    }
    if (token.kind == TOKEN_WORD && !filter_token_is(&token, "in") &&
        filter_number(token.p, token.n) < 0)
        return filter_fail(p, &token, "expected letters of FSRPAUEC or X, or a number");
    return parse_comparison(p, phrase, FILTER_OR);
}

/* As nfdump does, flags are looked for in TCP alone, and `not flags SA` says that neither is set
** (so does `not (flags SA or ...)`), while `flags SA` says that both are. */
static struct filter_node *parse_flags(struct filter_parser *p,
                                       const struct filter_phrase *phrase) {
    struct filter_node *flags = parse_flags_value(p, phrase);
    return flags ? join(p, FILTER_AND, test_proto(p, IPPROTO_TCP), flags) : NULL;
}

/* nfdump's older `asa event denied interface`: an extended event may follow. */
static struct filter_node *parse_event(struct filter_parser *p,
                                       const struct filter_phrase *phrase) {
    bool denied = filter_token_is(&p->token, "denied");
    struct filter_node *event = parse_comparison(p, phrase, FILTER_OR);
    if (!event || !denied || p->token.kind != TOKEN_WORD)
        return event;
    struct filter_phrase reason = {.field = {FLOW_fwxevent}, .n = 1};
    return join(p, FILTER_AND, event, parse_comparison(p, &reason, FILTER_OR));
}

static struct filter_node *parse_phrase(struct filter_parser *p, const struct filter_phrase *phrase,
                                        enum filter_op op) {
    if (phrase->own)
        return parse_comparison(p, phrase, op);
    if (phrase->n == 0 && phrase->computed == COMPUTED_hops)
        return test_computed(p, COMPUTED_hops, 0); /* ttl equal: the words are all there is */
    if (phrase->n && phrase->field[0] == FLOW_tcpflags)
        return parse_flags(p, phrase);
    if (phrase->n && phrase->field[0] == FLOW_mpls)
        return parse_labels(p, phrase);
    if (phrase->n && phrase->field[0] == FLOW_fwevent)
        return parse_event(p, phrase);
    return parse_comparison(p, phrase, op);
}

/* ipv4 and ipv6: by the field where the exporter sent it, and by the source address. */
static struct filter_node *test_family(struct filter_parser *p, int64_t version) {
    static const uint8_t none[16],
        all[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct flow_ip lo = flow_ip_make((int)version, none), hi = flow_ip_make((int)version, all);
    struct filter_values values = {0};
    struct filter_node *address = NULL;
    if (filter_values_net(&values, &lo, &hi) == 0)
        address = filter_node_values(FLOW_srcip, &values);
    filter_values_free(&values);
    return join(p, FILTER_OR, test_range(p, FLOW_ipversion, version, version), checked(p, address));
}

static struct filter_node *test_any(struct filter_parser *p, int64_t unused) {
    (void)unused;
    return checked(p, filter_node_true());
}

/* Words that are a whole test. */
static const struct {
    const char *word;
    struct filter_node *(*test)(struct filter_parser *p, int64_t argument);
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
static void *fail_test(struct filter_parser *p, const struct filter_token *words, int n) {
    const char *like = n && !words[0].source->name ? filter_word_like(&words[0]) : NULL;
    return filter_fail(
        p, n ? &words[0] : &p->token,
        "expected a test, as host, net, port, proto, flags, or a column of flows%s%s%s",
        like ? " (did you mean " : "", like ? like : "", like ? "?)" : "");
}

/* Up to n words from where the parser is, without taking them. */
static int look_ahead(struct filter_parser *p, struct filter_token *words, int n) {
    int i = 0;
    while (i < n && (words[i] = filter_lex_peek(&p->lexer, i)).kind == TOKEN_WORD)
        i++;
    return i;
}

static void skip(struct filter_parser *p, int words) {
    while (words-- > 0)
        filter_advance(p);
}

/* src and dst X, src or dst X: the parser is at "and" or "or". */
static struct filter_node *parse_both(struct filter_parser *p, const struct filter_token *first) {
    enum filter_op op = p->token.kind == TOKEN_AND ? FILTER_AND : FILTER_OR;
    filter_advance(p);
    struct filter_token second = p->token, words[FILTER_PHRASE_WORDS];
    if (!filter_is_direction(&second))
        return filter_fail(p, &second, "expected src, dst, in or out");
    filter_advance(p);
    int n = look_ahead(p, words, FILTER_PHRASE_WORDS);
    struct filter_phrase phrase = filter_phrase_pair(first, &second, words, n);
    if (!phrase.words)
        return filter_fail(p, &p->token,
                           "expected what %.*s and %.*s both have: host, net, port, as, ...",
                           (int)first->n, first->p, (int)second.n, second.p);
    skip(p, phrase.words);
    return parse_phrase(p, &phrase, op);
}

/* A column of the site's, by its name. */
static struct filter_phrase find_own(const struct filter_parser *p,
                                     const struct filter_token *words, int n) {
    struct filter_phrase phrase = {.n = 0};
    phrase.own = n ? registry_find(p->own, words[0].p, words[0].n) : NULL;
    phrase.words = phrase.own != NULL;
    return phrase;
}

static bool is_plain_test(const struct filter_token *word) {
    for (int i = 0; i < NPLAIN_TESTS; i++)
        if (filter_token_is(word, plain_tests[i].word))
            return true;
    return false;
}

static struct filter_node *parse_test(struct filter_parser *p) {
    struct filter_token words[FILTER_PHRASE_WORDS];
    int n = look_ahead(p, words, FILTER_PHRASE_WORDS);
    struct filter_phrase phrase = filter_phrase_find(words, n);
    if (!phrase.words && n && !is_plain_test(&words[0]))
        phrase = find_own(p, words, n);
    const char *why = phrase.words <= 1 && !phrase.own ? filter_phrase_refused(words, n) : NULL;
    if (why)
        return filter_fail(p, &words[0], "cannot test this: %s", why);
    if (phrase.words <= 1)
        for (int i = 0; i < NPLAIN_TESTS; i++)
            if (filter_take_word(p, plain_tests[i].word))
                return plain_tests[i].test(p, plain_tests[i].argument);
    if (phrase.words) {
        skip(p, phrase.words);
        return parse_phrase(p, &phrase, FILTER_OR);
    }
    if (n && filter_is_direction(&words[0])) {
        filter_advance(p);
        if (p->token.kind == TOKEN_AND || p->token.kind == TOKEN_OR)
            return parse_both(p, &words[0]);
        return filter_fail(p, &p->token, "expected host, net, port, as, ... after %.*s",
                           (int)words[0].n, words[0].p);
    }
    return fail_test(p, words, n);
}

/* ---- expressions ------------------------------------------------------------------------ */

static struct filter_node *parse_expression(struct filter_parser *p);

/* Behind a "(" at open. */
static struct filter_node *parse_parentheses(struct filter_parser *p,
                                             const struct filter_token *open) {
    if (++p->nesting > MAX_NESTING)
        return filter_fail(p, open, "expected no more than %d parentheses in each other",
                           (int)MAX_NESTING);
    struct filter_node *node = parse_expression(p);
    if (node && !filter_take(p, TOKEN_CLOSE)) {
        size_t line, column;
        filter_token_place(open, &line, &column);
        filter_fail(p, &p->token, "expected and, or, or the ) for the ( of line %zu, column %zu",
                    line, column);
        filter_free(node);
        return NULL;
    }
    p->nesting--;
    return node;
}

static struct filter_node *parse_factor(struct filter_parser *p) {
    bool negate = false;
    while (filter_take(p, TOKEN_NOT))
        negate = !negate;
    p->negated ^= negate;
    struct filter_token open = p->token;
    struct filter_node *node =
        filter_take(p, TOKEN_OPEN) ? parse_parentheses(p, &open) : parse_test(p);
    p->negated ^= negate;
    return node && negate ? checked(p, filter_node_not(node)) : node;
}

/* operands with the operator between them; next parses one operand. */
static struct filter_node *parse_chain(struct filter_parser *p, enum filter_token_kind token,
                                       enum filter_op op,
                                       struct filter_node *(*next)(struct filter_parser *)) {
    struct filter_node *node = next(p);
    bool several = false;
    while (node && filter_take(p, token)) {
        node = join(p, op, node, next(p));
        several = true;
    }
    return node && several ? checked(p, filter_node_merge(node)) : node;
}

static struct filter_node *parse_term(struct filter_parser *p) {
    return parse_chain(p, TOKEN_AND, FILTER_AND, parse_factor);
}

static struct filter_node *parse_expression(struct filter_parser *p) {
    return parse_chain(p, TOKEN_OR, FILTER_OR, parse_term);
}

static struct filter_node *parse_all(struct filter_parser *p) {
    p->token = filter_lex_peek(&p->lexer, 0);
    if (p->token.kind == TOKEN_END)
        return test_any(p, 0);
    struct filter_node *node = parse_expression(p);
    if (node && p->token.kind != TOKEN_END) {
        filter_fail(p, &p->token, "expected and, or, or the end");
        filter_free(node);
        return NULL;
    }
    return node;
}

struct filter_node *filter_parse(const char *text, size_t n, int64_t now_ms,
                                 const struct registry *own, const char *geodb, char *err,
                                 size_t errn) {
    struct filter_parser p = {
        .now_ms = now_ms, .own = own, .geodb = geodb, .err = err, .errn = errn};
    if (errn)
        err[0] = '\0';
    if (n > FILTER_MAX_TEXT) {
        if (errn)
            snprintf(err, errn, "filter: it has %zu octets, expected no more than %d", n,
                     (int)FILTER_MAX_TEXT);
        return NULL;
    }
    filter_lex_open(&p.lexer, text, n);
    struct filter_node *node = parse_all(&p);
    filter_lex_close(&p.lexer);
    return node;
}
