/* The records of a data file: tab- or comma-separated lines, or JSON objects, whose fields are found by their names or
   by their places. */
#ifndef TERN_RECORDS_H
#define TERN_RECORDS_H

#include "tools/forms.h"

enum { RECORD_FIELDS = 4, RECORD_NAMES = 5, RECORD_LAYOUTS = 4 };

/* Where a file without a header has its fields: the column of each, from 0, in tab-separated lines of so many columns.
 */
struct record_layout {
    int columns; /* 0: there is no further layout */
    int or_more; /* 1: what follows these columns is left alone */
    int column[RECORD_FIELDS];
};

/* What a record is made of. */
struct record_form {
    int n; /* fields; the last one is a number in files without a header, which tells layouts apart */
    const char *names[RECORD_FIELDS][RECORD_NAMES]; /* what headers and objects call each, the usual name first */
    struct record_layout layouts[RECORD_LAYOUTS];
    const char *says; /* the forms in words, for the message about a file that has none of them */
};

/* A file on its way through records_next; all but `in` belongs to it. */
struct records {
    struct input in;
    const struct record_form *form;
    const struct form *kind; /* NULL: not known yet */
    int columns, or_more;    /* what every line must have */
    int column[RECORD_FIELDS];
    struct form_room room;
    json_t *object;
    char numbers[RECORD_FIELDS][32];
};

/* Opens the file (- is standard input): an exit code. The form must outlive the records. */
int records_open(struct records *r, const char *path, const struct record_form *form);
/* Safe on a zeroed struct. */
void records_close(struct records *r);
/* 1 and the fields [form->n], which stay valid until the next call: without quotes or escapes, of a JSON number its
   digits; 0 at the end; or -1 with *code set and the line printed. Blank lines are skipped. The first line decides
   (form_of_first_line), and one with a name for every field is a header. */
int records_next(struct records *r, struct record_field out[RECORD_FIELDS], int *code);
/* "FILE:3", where the last record begins: for messages. */
const char *records_where(const struct records *r, char out[128]);

/* The whole of a field as a finite number: 0, or -1 when it is none. */
int record_number(const struct record_field *field, double *out);

#endif
