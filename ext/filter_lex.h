/* SPDX-License-Identifier: MIT */
/*
** The words and signs of the filter language (filter.h).
*/
#ifndef FLOWVT_FILTER_LEX_H
#define FLOWVT_FILTER_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum filter_token_kind {
    TOKEN_END,
    TOKEN_WORD, /* letters, digits and . : / - _ % +: keywords, numbers, addresses */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_LIST,     /* [ */
    TOKEN_LIST_END, /* ] */
    TOKEN_COMMA,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_EQ,
    TOKEN_LT,
    TOKEN_GT,
    TOKEN_LE,
    TOKEN_GE,
    TOKEN_FOREIGN /* an octet that begins nothing */
};

/* Where the rest of the text is. A copy of it is a place to come back to. */
struct filter_lexer {
    const char *text;
    size_t n, at;
};

struct filter_token {
    enum filter_token_kind kind;
    const char *p; /* into the text */
    size_t n;
    size_t position; /* from 1 */
};

/* Step over blanks and comments and take the next token; TOKEN_END again and again at the end. */
struct filter_token filter_lex(struct filter_lexer *lexer);

/* Is the token this word (lower case), in any case? */
bool filter_token_is(const struct filter_token *token, const char *word);

#endif
