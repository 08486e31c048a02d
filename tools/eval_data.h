/* The texts that `tern eval` runs, and the answers that are right. */
#ifndef TERN_EVAL_DATA_H
#define TERN_EVAL_DATA_H

#include "tools/records.h"
#include "tools/texts.h"

struct eval_text {
    size_t at, bytes; /* offset into the pool, length */
    size_t line;      /* of the file, from 1 */
};

struct eval_data {
    int per_row;             /* texts of a row: those of row i are texts[i * per_row] and the following */
    struct eval_text *texts; /* [n_texts] in the file's order */
    double *gold;            /* [n_rows] labels or scores; NULL: a file of texts alone */
    size_t n_texts, n_rows;
    char *pool;
    size_t texts_capacity, gold_capacity, pool_used, pool_capacity;
};

/* The classes of a task in the order of their numbers, each by its names: lower case, _ between words, the usual one
   first. Zeroed: there are none. */
enum { EVAL_CLASSES = 3, EVAL_NAMES = 2 };
struct eval_classes {
    int n;
    const char *names[EVAL_CLASSES][EVAL_NAMES];
};
/* The class that a name or a number from 0 to `most` stands for, -1: none does. Upper case, spaces and hyphens do not
   matter. */
int eval_class(const struct eval_classes *classes, int most, const char *text, size_t bytes);

/* What a row must be: so many texts, which are the form's first fields, then a number from 0 to `most`, or a class. */
struct eval_rows {
    const struct record_form *form;
    const struct eval_classes *classes; /* NULL: the number need not be whole */
    int texts;
    double most;
};

/* Each reads FILE (- is standard input) into a zeroed struct: an exit code, with a line that names what is wrong. The
   second takes every line as a text, a blank one too, as tern embed does; the third the texts of the form that the
   options name. */
int eval_read_rows(struct eval_data *d, const char *path, const struct eval_rows *rows);
int eval_read_lines(struct eval_data *d, const char *path);
int eval_read_texts(struct eval_data *d, const char *path, const struct text_options *o);
/* Adds a text made of two parts, without the blanks around it and with one between them. */
int eval_add_joined(struct eval_data *d, const struct record_field parts[2], size_t line);
/* Adds a text as it is. */
int eval_add_text(struct eval_data *d, const char *text, size_t bytes, size_t line);
/* Safe on a zeroed struct. */
void eval_data_free(struct eval_data *d);

/* The first of each kind of equal texts, in the file's order: a new array of *n places in `texts`, free() it. NULL,
   with a line, when memory is out. */
size_t *eval_distinct(const struct eval_data *d, size_t *n);

#endif
