/* Parses decimal fractions in options, whatever the locale. */
#include "runtime/base/decimal.h"

int tern_decimal(const char *text, double *out)
{
    enum { MOST_DIGITS = 15 }; /* whole numbers and powers of ten that are exact: their quotient is rounded once */
    double value = 0, unit = 1;
    int digits = 0, point = 0;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = 1;
            continue;
        }
        if (*text < '0' || *text > '9' || ++digits > MOST_DIGITS)
            return -1;
        value = value * 10 + (*text - '0');
        unit = point ? unit * 10 : unit;
    }
    *out = value / unit;
    return digits ? 0 : -1;
}
