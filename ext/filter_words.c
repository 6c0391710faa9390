/* SPDX-License-Identifier: MIT */
/*
** Finds the fields of the catalogue by their spelling in nfdump's filter language.
*/
#include "filter_words.h"

#include <stdio.h>
#include <strings.h>

#include "../schema/field.h"

/* A spelling may be given without these, and means all fields that it then fits. */
static const char *const directions[] = {"src", "dst", "in",      "out",
                                         "min", "max", "ingress", "egress"};

/* Spellings of other versions of nfdump, and what the catalogue has. */
static const struct {
    const char *spelling, *catalogue;
} aliases[] = {
    {"icmp-type", "icmp type"},     {"icmp-code", "icmp code"},   {"src tos", "tos"},
    {"engine type", "engine-type"}, {"engine id", "engine-id"},   {"tcpflags", "flags"},
    {"in packets", "packets"},      {"in bytes", "bytes"},        {"flow", "flows"},
    {"exporter ip", "router ip"},   {"asa username", "asa user"}, {"asa denied", "asa xevent"},
};

/* Words that stand for others, anywhere in a phrase. */
static const struct {
    const char *word, *catalogue;
    enum filter_spelling spelling;
} synonyms[] = {
    {"host", "ip", FILTER_ADDRESS},          {"net", "ip", FILTER_NETWORK},
    {"geo", "ip", FILTER_COUNTRY},           {"xlate", "nat", FILTER_ADDRESS},
    {"xip", "nat ip", FILTER_ADDRESS},       {"nip", "nat ip", FILTER_ADDRESS},
    {"xnet", "nat ip", FILTER_NETWORK},      {"nnet", "nat ip", FILTER_NETWORK},
    {"xport", "nat port", FILTER_ADDRESS},   {"nport", "nat port", FILTER_ADDRESS},
    {"bgpnext", "bgp next", FILTER_ADDRESS}, {"tunip", "tun ip", FILTER_ADDRESS},
};

/* duration is in milliseconds, as in nfdump; the SQL column of that name has seconds. */
static const struct {
    const char *name;
    enum computed id;
} computed[] = {
    {"duration", COMPUTED_milliseconds},
    {"pps", COMPUTED_pps},
    {"bps", COMPUTED_bps},
    {"bpp", COMPUTED_bpp},
    {"dscp", COMPUTED_dscp},
    {"count", COMPUTED_count},
    {"cnt", COMPUTED_count},
    {"sysid", COMPUTED_sysid},
};

static const struct {
    const char *first, *second;
    enum computed id;
} computed_pairs[] = {
    {"ttl", "equal", COMPUTED_hops},           {"client", "latency", COMPUTED_client_ms},
    {"server", "latency", COMPUTED_server_ms}, {"app", "latency", COMPUTED_app_ms},
    {"exporter", "id", COMPUTED_sysid},        {"exporter", "sysid", COMPUTED_sysid},
};

/* By their first words, directions left out. */
static const struct {
    const char *words, *why;
} refused[] = {
    {"tz", "flows have no time zones"},
    {"payload", "flows have no payload"},
    {"pf", "flows have no columns of pflog"},
    {"acl", "flows have no columns of access lists"},
    {"ace", "flows have no columns of access lists"},
    {"xace", "flows have no columns of access lists"},
};

/* Words that are a test or an operator by themselves. */
static const char *const plain_words[] = {"any", "inet", "inet6", "ipv4",  "ipv6",
                                          "tcp", "udp",  "icmp",  "icmp6", "and",
                                          "or",  "not",  "host",  "net",   "geo"};

enum {
    NDIRECTIONS = sizeof directions / sizeof *directions,
    NALIASES = sizeof aliases / sizeof *aliases,
    NSYNONYMS = sizeof synonyms / sizeof *synonyms,
    NCOMPUTED = sizeof computed / sizeof *computed,
    NREFUSED = sizeof refused / sizeof *refused,
    NPLAIN = sizeof plain_words / sizeof *plain_words,
    PHRASE_TEXT = 64,
    WORD_TEXT = 24 /* longer words are nothing that was mistyped */
};

static bool is_direction(const char *word, size_t n) {
    for (int i = 0; i < NDIRECTIONS; i++)
        if (strlen(directions[i]) == n && strncasecmp(word, directions[i], n) == 0)
            return true;
    return false;
}

bool filter_is_direction(const struct filter_token *token) {
    return token->kind == TOKEN_WORD && is_direction(token->p, token->n);
}

/* The words in one string, with the catalogue's words for synonyms and aliases; *spelling is
** what one of them says of addresses. False: not a phrase. */
static bool join(const struct filter_token *words, int n, char text[PHRASE_TEXT],
                 enum filter_spelling *spelling) {
    size_t at = 0;
    *spelling = FILTER_ADDRESS;
    for (int i = 0; i < n; i++) {
        const char *word = words[i].p;
        size_t length = words[i].n;
        if (*word >= '0' && *word <= '9')
            return false; /* a value, of which there may be very many */
        for (int k = 0; k < NSYNONYMS; k++)
            if (filter_token_is(&words[i], synonyms[k].word)) {
                word = synonyms[k].catalogue;
                length = strlen(word);
                if (synonyms[k].spelling != FILTER_ADDRESS)
                    *spelling = synonyms[k].spelling;
            }
        if (length >= PHRASE_TEXT || at + length + 2 > PHRASE_TEXT)
            return false;
        at += (size_t)snprintf(text + at, PHRASE_TEXT - at, "%s%.*s", i ? " " : "", (int)length,
                               word);
    }
    for (int i = 0; i < NALIASES; i++)
        if (strcasecmp(text, aliases[i].spelling) == 0)
            snprintf(text, PHRASE_TEXT, "%s", aliases[i].catalogue);
    return true;
}

/* Is text the spelling, but for directions that it leaves out? */
static bool fits(const char *text, const char *spelling) {
    while (*spelling) {
        size_t n = strcspn(spelling, " "), have = strcspn(text, " ");
        bool same = n == have && strncasecmp(text, spelling, n) == 0;
        if (!same && !is_direction(spelling, n))
            return false;
        if (same)
            text += have + (text[have] == ' ');
        spelling += n + (spelling[n] == ' ');
    }
    return !*text;
}

/* Fields that a comparison can be made with by their spelling. inet is a test of its own. */
static bool has_spelling(int f) {
    return flow_fields[f].filter[0] && f != FLOW_ipversion;
}

/* Add the fields that text means: exactly that spelling, or else all that it fits. */
static void lookup(const char *text, struct filter_phrase *phrase) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (has_spelling(f) && strcasecmp(text, flow_fields[f].filter) == 0) {
            phrase->field[phrase->n++] = f;
            return;
        }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (has_spelling(f) && phrase->n < FILTER_PHRASE_FIELDS &&
            fits(text, flow_fields[f].filter))
            phrase->field[phrase->n++] = f;
}

/* The words as they stand: a computed number, or a column's name in SQL. */
static bool lookup_names(const struct filter_token *words, int n, struct filter_phrase *phrase) {
    for (size_t i = 0; n == 2 && i < sizeof computed_pairs / sizeof *computed_pairs; i++)
        if (filter_token_is(&words[0], computed_pairs[i].first) &&
            filter_token_is(&words[1], computed_pairs[i].second)) {
            phrase->computed = computed_pairs[i].id;
            return true;
        }
    for (int i = 0; n == 1 && i < NCOMPUTED; i++)
        if (filter_token_is(&words[0], computed[i].name)) {
            phrase->computed = computed[i].id;
            return true;
        }
    int f = n == 1 ? flow_field_find(words[0].p, words[0].n) : -1;
    if (f >= 0)
        phrase->field[phrase->n++] = f;
    return f >= 0;
}

struct filter_phrase filter_phrase_find(const struct filter_token *words, int n) {
    for (; n > 0; n--) {
        struct filter_phrase phrase = {.words = n};
        char text[PHRASE_TEXT];
        if (join(words, n, text, &phrase.spelling))
            lookup(text, &phrase);
        if (phrase.n || lookup_names(words, n, &phrase))
            return phrase;
    }
    return (struct filter_phrase){.words = 0};
}

struct filter_phrase filter_phrase_pair(const struct filter_token *first,
                                        const struct filter_token *second,
                                        const struct filter_token *words, int n) {
    struct filter_token directed[FILTER_PHRASE_WORDS + 1];
    for (; n > 0; n--) {
        memcpy(directed + 1, words, (size_t)n * sizeof *words);
        directed[0] = *first;
        struct filter_phrase a = filter_phrase_find(directed, n + 1);
        directed[0] = *second;
        struct filter_phrase b = filter_phrase_find(directed, n + 1);
        if (a.words == n + 1 && b.words == n + 1 && a.n == 1 && b.n == 1) {
            a.field[a.n++] = b.field[0];
            a.words = n;
            return a;
        }
    }
    return (struct filter_phrase){.words = 0};
}

/* Do words[0..n) begin with these? */
static bool begins_with(const struct filter_token *words, int n, const char *with) {
    for (int i = 0; *with; i++) {
        size_t length = strcspn(with, " ");
        if (i >= n || words[i].n != length || strncasecmp(words[i].p, with, length) != 0)
            return false;
        with += length + (with[length] == ' ');
    }
    return true;
}

const char *filter_phrase_refused(const struct filter_token *words, int n) {
    while (n > 0 && filter_is_direction(&words[0]))
        words++, n--;
    for (int i = 0; i < NREFUSED; i++)
        if (begins_with(words, n, refused[i].words))
            return refused[i].why;
    return NULL;
}

/* ---- what may have been meant ----------------------------------------------------------- */

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* How many letters have to be put in, left out, changed or swapped to make one word the other. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb) {
    unsigned cost[WORD_TEXT + 1][WORD_TEXT + 1]; /* of their first i and k letters */
    for (size_t i = 0; i <= na; i++)
        for (size_t k = 0; k <= nb; k++) {
            if (i == 0 || k == 0) {
                cost[i][k] = (unsigned)(i + k);
                continue;
            }
            bool same = (a[i - 1] | 0x20) == (b[k - 1] | 0x20);
            cost[i][k] =
                least(cost[i - 1][k - 1] + !same, least(cost[i - 1][k], cost[i][k - 1]) + 1);
            if (i > 1 && k > 1 && (a[i - 1] | 0x20) == (b[k - 2] | 0x20) &&
                (a[i - 2] | 0x20) == (b[k - 1] | 0x20))
                cost[i][k] = least(cost[i][k], cost[i - 2][k - 2] + 1);
        }
    return cost[na][nb];
}

struct likeness {
    const struct filter_token *token;
    unsigned best;
    const char *word;
};

/* Only whole words are offered; a spelling of several is not. */
static void compare(struct likeness *like, const char *word) {
    size_t n = strlen(word);
    if (n == 0 || n > WORD_TEXT || strchr(word, ' '))
        return;
    unsigned d = distance(like->token->p, like->token->n, word, n);
    if (d < like->best) {
        like->best = d;
        like->word = word;
    }
}

const char *filter_word_like(const struct filter_token *token) {
    if (token->kind != TOKEN_WORD || token->n < 3 || token->n > WORD_TEXT)
        return NULL;
    struct likeness like = {token, token->n < 4 ? 2 : 3, NULL}; /* fewer changes than these */
    for (int i = 0; i < NPLAIN; i++)
        compare(&like, plain_words[i]);
    for (int i = 0; i < NCOMPUTED; i++)
        compare(&like, computed[i].name);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const char *last = strrchr(flow_fields[f].filter, ' ');
        compare(&like, last ? last + 1 : flow_fields[f].filter);
        compare(&like, flow_fields[f].name);
    }
    return like.word;
}
