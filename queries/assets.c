/* SPDX-License-Identifier: MIT */
/*
** The assembler puts the files in as they are, with a '\0' behind; the Makefile says that this depends
** on them.
*/
#include "assets.h"

#define ASSET(symbol, file)                       \
    __asm__(".section .rodata\n"                  \
            ".global " #symbol "\n"               \
            ".hidden " #symbol "\n" #symbol ":\n" \
            ".incbin \"queries/" file "\"\n"      \
            ".byte 0\n"                           \
            ".previous\n")

ASSET(asset_chart_css, "chart.css");
ASSET(asset_page_css, "page.css");
ASSET(asset_page_js, "page.js");
