/* SPDX-License-Identifier: MIT */
/*
** Finds the fields of the catalogue by their spelling in nfdump's filter language.
*/
#include "filter_words.h"

#include <stdio.h>
#include <strings.h>

static const char *const directions[] = {"src", "dst", "in", "out"};

/* Spellings of other versions of nfdump, and what the catalogue has. */
static const struct {
    const char *spelling, *catalogue;
} aliases[] = {
    {"icmp-type", "icmp type"},     {"icmp-code", "icmp code"}, {"src tos", "tos"},
    {"engine type", "engine-type"}, {"engine id", "engine-id"}, {"bgpnext ip", "bgp next ip"},
    {"tcpflags", "flags"},
};

/* Words that mean another one, as the last of a phrase. */
static const struct { const char *word, *catalogue; } addresses[] = {{"host", "ip"}, {"net", "ip"}};

enum {
    NDIRECTIONS = sizeof directions / sizeof *directions,
    NALIASES = sizeof aliases / sizeof *aliases,
    NADDRESSES = sizeof addresses / sizeof *addresses,
    PHRASE_TEXT = 64
};

bool filter_is_direction(const struct filter_token *token) {
    for (int i = 0; i < NDIRECTIONS; i++)
        if (filter_token_is(token, directions[i]))
            return true;
    return false;
}

/* Can a test of the language compare this field? */
static bool testable(int f) {
    const struct flow_field_def *def = &flow_fields[f];
    return def->filter[0] && def->role != FLOW_COUNTER && def->class != FLOW_TIME &&
           def->class != FLOW_TEXT && f != FLOW_ipversion;
}

static const char *address_word(const struct filter_token *token) {
    for (int i = 0; i < NADDRESSES; i++)
        if (filter_token_is(token, addresses[i].word))
            return addresses[i].catalogue;
    return NULL;
}

/* The words in one string, with the catalogue's spelling for aliases. False: too long. */
static bool join(const struct filter_token *words, int n, char text[PHRASE_TEXT]) {
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const char *other = i == n - 1 ? address_word(&words[i]) : NULL;
        int length = other ? (int)strlen(other) : (int)words[i].n;
        if (words[i].n >= PHRASE_TEXT || at + (size_t)length + 2 > PHRASE_TEXT)
            return false;
        at += (size_t)snprintf(text + at, PHRASE_TEXT - at, "%s%.*s", i ? " " : "", length,
                               other ? other : words[i].p);
    }
    for (int i = 0; i < NALIASES; i++)
        if (strcasecmp(text, aliases[i].spelling) == 0)
            snprintf(text, PHRASE_TEXT, "%s", aliases[i].catalogue);
    return true;
}

/* A spelling without its first word, if that is a direction; else NULL. */
static const char *undirected(const char *spelling) {
    for (int i = 0; i < NDIRECTIONS; i++) {
        size_t n = strlen(directions[i]);
        if (strncmp(spelling, directions[i], n) == 0 && spelling[n] == ' ')
            return spelling + n + 1;
    }
    return NULL;
}

/* Add the fields that text means: exactly that spelling, or else all that are it but for their
** directions. */
static void lookup(const char *text, struct filter_phrase *phrase) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (testable(f) && strcasecmp(text, flow_fields[f].filter) == 0) {
            phrase->field[phrase->n++] = f;
            return;
        }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        for (const char *s = testable(f) ? undirected(flow_fields[f].filter) : NULL; s;
             s = undirected(s))
            if (strcasecmp(text, s) == 0 && phrase->n < FILTER_PHRASE_FIELDS)
                phrase->field[phrase->n++] = f;
}

struct filter_phrase filter_phrase_find(const struct filter_token *words, int n) {
    for (; n > 0; n--) {
        struct filter_phrase phrase = {.words = n};
        char text[PHRASE_TEXT];
        if (join(words, n, text))
            lookup(text, &phrase);
        phrase.network = filter_token_is(&words[n - 1], "net");
        if (phrase.n)
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

size_t filter_phrase_list(char *out, size_t n) {
    size_t at = 0;
    for (int f = 0; f < FLOW_NFIELDS && at < n; f++)
        if (testable(f))
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? ", " : "", flow_fields[f].filter);
    return at < n ? at : n - 1;
}

int filter_phrase_outside(const struct filter_token *words, int n) {
    for (; n > 0; n--) {
        char text[PHRASE_TEXT];
        for (int f = 0; join(words, n, text) && f < FLOW_NFIELDS; f++)
            if (!testable(f) && flow_fields[f].filter[0] &&
                strcasecmp(text, flow_fields[f].filter) == 0)
                return f;
    }
    return -1;
}
