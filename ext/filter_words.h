/* SPDX-License-Identifier: MIT */
/*
** The vocabulary of the filter language: which words name which fields. Derived from the field
** catalogue.
*/
#ifndef FLOWVT_FILTER_WORDS_H
#define FLOWVT_FILTER_WORDS_H

#include "computed.h"
#include "filter_lex.h"

enum {
    FILTER_PHRASE_WORDS = 4, /* longest spelling, with some room */
    FILTER_PHRASE_FIELDS = 8 /* fields that a spelling without its direction may mean */
};

/* Addresses are spelled with ip or host, as networks with net, as those of a country with geo. */
enum filter_spelling { FILTER_ADDRESS, FILTER_NETWORK, FILTER_COUNTRY };

/* What a phrase means: the fields of the catalogue, or else a number computed from several, or a column of the
** site's. */
struct filter_phrase {
    int field[FILTER_PHRASE_FIELDS];
    int n;
    enum computed computed; /* when n is 0 and own NULL */
    const struct own_column *own;
    int words; /* how many of the words belong to it; 0: none of the vocabulary */
    enum filter_spelling spelling;
};

/* The longest phrase at the beginning of words[0..n): a spelling of the catalogue, or one without
** its directions (src, dst, in, ...), which means the fields of all directions; a column's name in
** SQL; a computed number. */
struct filter_phrase filter_phrase_find(const struct filter_token *words, int n);

/* Of "src and dst port": the fields that first (src) and second (dst) with the phrase in
** words[0..n) mean, in this order. */
struct filter_phrase filter_phrase_pair(const struct filter_token *first,
                                        const struct filter_token *second,
                                        const struct filter_token *words, int n);

/* Is the token a word that tells fields of a pair apart: src, dst, in, out, ...? */
bool filter_is_direction(const struct filter_token *token);

/* What nfdump tests and a flow of ours does not have: why not, when words[0..n) begin with the name
** of such; else NULL. */
const char *filter_phrase_refused(const struct filter_token *words, int n);

/* The word of the vocabulary that the token may have been meant for, or NULL. */
const char *filter_word_like(const struct filter_token *token);

#endif
