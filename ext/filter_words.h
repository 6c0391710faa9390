/* SPDX-License-Identifier: MIT */
/*
** The vocabulary of the filter language: which words name which fields. Derived from the field
** catalogue.
*/
#ifndef FLOWVT_FILTER_WORDS_H
#define FLOWVT_FILTER_WORDS_H

#include "../schema/field.h"
#include "filter_lex.h"

enum {
    FILTER_PHRASE_WORDS = 4, /* longest spelling, with some room */
    FILTER_PHRASE_FIELDS = 8 /* fields that a spelling without its direction may mean */
};

/* The fields that a phrase means. */
struct filter_phrase {
    int field[FILTER_PHRASE_FIELDS];
    int n;
    int words;    /* how many of the words belong to it; 0: none of the vocabulary */
    bool network; /* it was spelled with net, which takes networks alone */
};

/* The longest phrase at the beginning of words[0..n): a spelling of the catalogue, or one without
** its direction (src, dst, in, out), which means the fields of all directions. */
struct filter_phrase filter_phrase_find(const struct filter_token *words, int n);

/* Of "src and dst port": the fields that first (src) and second (dst) with the phrase in
** words[0..n) mean, in this order. */
struct filter_phrase filter_phrase_pair(const struct filter_token *first,
                                        const struct filter_token *second,
                                        const struct filter_token *words, int n);

/* Is the token one of src, dst, in, out? */
bool filter_is_direction(const struct filter_token *token);

/* The spellings of the catalogue's fields that can be filtered by, with commas between. Returns
** the length; cut off where out ends. */
size_t filter_phrase_list(char *out, size_t n);

/* The catalogue's field of that spelling that filters cannot test (counters, times, texts), or
** -1. */
int filter_phrase_outside(const struct filter_token *words, int n);

#endif
