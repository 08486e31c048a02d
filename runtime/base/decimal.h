/* Numbers in options. Host side. */
#ifndef TERN_DECIMAL_H
#define TERN_DECIMAL_H

/* Digits with at most one point, such as "3", "0.8" or ".5", and nothing else: no sign, exponent, hexadecimal or "nan",
   and a point whatever the locale says, where strtod has its own ideas of each. At most 15 digits, so that the number
   is the nearest to what is written. 0, or -1 when the text is none. */
int tern_decimal(const char *text, double *out);

#endif
