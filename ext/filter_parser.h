/* SPDX-License-Identifier: MIT */
/*
** What the parts of the filter language's parser share: the tokens, the message, and the values that
** tests compare with. filter.c has the grammar, filter_literal.c the values.
**
** Once something is wrong, functions return NULL or false; the first that knows what says so.
*/
#ifndef FLOWVT_FILTER_PARSER_H
#define FLOWVT_FILTER_PARSER_H

#include "filter_lex.h"
#include "filter_tree.h"
#include "filter_words.h"

struct filter_parser {
    struct filter_lexer lexer;
    struct filter_token token; /* the next one, not yet taken */
    int64_t now_ms;
    const struct registry *own;
    const char *geodb;
    int nesting;
    bool negated; /* the next test stands behind an odd number of nots */
    char *err;
    size_t errn;
    bool failed;
};

void filter_advance(struct filter_parser *p);
bool filter_take(struct filter_parser *p, enum filter_token_kind kind);
bool filter_take_word(struct filter_parser *p, const char *word);

/* Write the message with the place of the token, unless there is one already. One that begins with
** "expected" ends with what was found, unless that stands in an included file. Returns NULL. */
__attribute__((format(printf, 3, 4))) void *
filter_fail(struct filter_parser *p, const struct filter_token *at, const char *format, ...);
void *filter_fail_memory(struct filter_parser *p);

/* What is compared, and how it is called in messages. */
struct filter_subject {
    const struct filter_phrase *phrase;
    char name[OWN_NAME];
};
struct filter_subject filter_subject_of(const struct filter_phrase *phrase);

/* Add the value at the parser, or the values of a list, to values. comparator: TOKEN_EQ to TOKEN_GE. */
bool filter_add_value(struct filter_parser *p, const struct filter_subject *subject,
                      enum filter_token_kind comparator, struct filter_values *values);
bool filter_add_list(struct filter_parser *p, const struct filter_subject *subject,
                     struct filter_values *values);

/* What is compared: of text, times, addresses, numbers. */
enum flow_class filter_phrase_class(const struct filter_phrase *phrase);
/* Is the token two letters, quoted or not? Some countries are called as comparators are: LT, GT, GE. */
bool filter_is_country(const struct filter_token *token);

/* Is text[0..n) a number, decimal or hexadecimal? Its value, or -1. */
int64_t filter_number(const char *text, size_t n);

#endif
