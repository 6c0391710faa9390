/* SPDX-License-Identifier: MIT */
#include "json.h"
#include "utf8.h"

void json_text(FILE *out, const char *text) {
    if (!text) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    while (*text) {
        uint32_t c = utf8_next(&text);
        char octets[4] = "";
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (char)c);
        else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x7f || c == 0x2028 ||
                 c == 0x2029)
            fprintf(out, "\\u%04x", (unsigned)c);
        else
            fwrite(octets, 1, (size_t)utf8_put(c, octets), out);
    }
    fputc('"', out);
}
