/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

double number_of(const char *text) {
    static const char units[] = "kMGT";
    char *end;
    double n = strtod(text, &end);
    if (end == text)
        return NAN;
    if (*end) {
        const char *unit = strchr(units, *end);
        if (!unit || end[1])
            return NAN;
        n *= pow(1000, (double)(unit - units) + 1);
    }
    return n;
}
