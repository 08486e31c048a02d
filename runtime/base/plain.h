/* Text from outside in a form that is safe to show: what a terminal would obey is written as an escape. Base layer. */
#ifndef TERN_PLAIN_H
#define TERN_PLAIN_H

#include <stdarg.h>
#include <stddef.h>

enum { TERN_PLAIN_MAX = 8 };

/* The first character of text[bytes] (bytes > 0) as it may be shown, zero-terminated; returns how many bytes it has
   taken. Control characters become \n, \r, \t, \x1b; those of Unicode, line separators and what changes the direction
   of writing become \u009b, \u202e; a byte that is not UTF-8 becomes \xff. All else stays as it is. */
size_t tern_plain_next(char out[TERN_PLAIN_MAX], const char *text, size_t bytes);
/* 1: tern_plain_next changes this code point. */
int tern_plain_escapes(unsigned long code);

/* One formatted line into out[capacity], made safe; what does not fit is cut between two characters. */
void tern_plain_line(char *out, size_t capacity, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
