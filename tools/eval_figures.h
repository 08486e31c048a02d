/* The figures of `tern eval` by their names, as text and as JSON. */
#ifndef TERN_EVAL_FIGURES_H
#define TERN_EVAL_FIGURES_H

#include <stddef.h>

enum eval_unit {
    EVAL_COUNT,  /* a whole number */
    EVAL_PART,   /* of one: in percent with two digits; in JSON as it is */
    EVAL_NUMBER, /* with six digits */
    EVAL_LINE,   /* the number of a line, and its text */
};

/* A value that is NAN is not defined: "undefined", and null in JSON. */
struct eval_figure {
    const char *name;
    enum eval_unit unit;
    double value;
    const char *text; /* EVAL_LINE: bytes of the caller's, until the figures are printed */
    size_t bytes;
};

enum { EVAL_FIGURES = 16 };
struct eval_figures {
    struct eval_figure all[EVAL_FIGURES];
    int n;
};

void eval_add(struct eval_figures *f, const char *name, enum eval_unit unit, double value);
void eval_add_line(struct eval_figures *f, const char *name, size_t line, const char *text, size_t bytes);
/* Writes them to standard output, a line each, or as the members of an object, each with a comma before it. */
void eval_print_text(const struct eval_figures *f);
void eval_print_json(const struct eval_figures *f);

#endif
