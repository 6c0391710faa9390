/* SPDX-License-Identifier: MIT */
/*
** The words and signs of the filter language (filter.h), from the statement's text and from the
** files that it includes.
*/
#ifndef FLOWVT_FILTER_LEX_H
#define FLOWVT_FILTER_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "filter_source.h"

enum filter_token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* letters, digits and . : / - _ % +: keywords, numbers, addresses */
    TOKEN_QUOTED, /* what stood between ' or " */
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
    TOKEN_FOREIGN, /* an octet that begins nothing */
    TOKEN_FAULT    /* a file that cannot be included; filter_lexer.fault says why */
};

struct filter_token {
    enum filter_token_kind kind;
    const char *p; /* into the text of source */
    size_t n;
    const struct filter_source *source;
};

enum { FILTER_AHEAD = 8, FILTER_FAULT_TEXT = 512 };

struct filter_lexer {
    struct filter_sources sources;
    struct filter_token ahead[FILTER_AHEAD]; /* read, but not yet taken */
    int nahead;
    char fault[FILTER_FAULT_TEXT];
};

/* text[0..n) must stay where it is until filter_lex_close(), and is what tokens point into. */
void filter_lex_open(struct filter_lexer *lexer, const char *text, size_t n);
void filter_lex_close(struct filter_lexer *lexer);

/* The token i places ahead, i < FILTER_AHEAD, stepping over blanks and comments; TOKEN_END again and
** again at the end, TOKEN_FAULT again and again where a file cannot be had. */
struct filter_token filter_lex_peek(struct filter_lexer *lexer, int i);
void filter_lex_advance(struct filter_lexer *lexer);

/* Is the token this word (lower case), in any case? */
bool filter_token_is(const struct filter_token *token, const char *word);

/* Line and column of the token in its text, in octets and from 1. */
void filter_token_place(const struct filter_token *token, size_t *line, size_t *column);

#endif
