/* The forms in which texts lie in a file: lines, NUL-separated texts, JSON lines, tables. A form is a row of a table.
 */
#ifndef TERN_FORMS_H
#define TERN_FORMS_H

#include "tools/input.h"

#include <jansson.h>

struct text {
    const char *text, *pair; /* pair: NULL when there is none */
    size_t bytes, pair_bytes;
    const char *why; /* it cannot be run; NULL: nothing is known against it */
};

/* A buffer that a record's fields without their quotes lie in. */
struct form_room {
    char *bytes;
    size_t capacity;
};

enum { FORM_COLUMNS = 1024, FORM_NAME = 256, FORM_ENDINGS = 2 };
enum form_fields { FORM_WHOLE, FORM_MEMBERS, FORM_TABLE }; /* what a record's texts are: all of it, members, columns */

struct form {
    const char *name;
    const char *endings[FORM_ENDINGS]; /* of the names of files that are read so unless an option says otherwise */
    enum form_fields fields;
    int blanks; /* 1: an empty record is a text like others, 0: it is none */
    input_end *end;
    /* Of a table: the number of columns, of which at most FORM_COLUMNS are kept; 0 with *why set; or -1 with *code set
       and the line printed. */
    int (*split)(struct form_room *room, const struct record_field *record, struct record_field *columns,
                 const char **why, int *code);
};

extern const struct form forms[]; /* ends with a row without a name */
extern const char form_names[];   /* in words, for messages */
/* NULL: there is none. */
const struct form *form_find(const char *name);
const struct form *form_of_file(const char *path);
/* Decides by the first line that is not blank: with a tab in it a table of tabs, else one of commas; where `members`,
   an object is JSON. NULL with *code set where the line cannot be read. */
const struct form *form_of_first_line(struct input *in, int members, int *code);
/* An object's values: 0; 1 with the reason written to why[FORM_NAME]; or -1 with *code set and the line printed. */
int form_object(json_t **out, const struct record_field *record, char *why, int *code);

/* Which parts of a record are the text and its pair. */
struct fields {
    const struct form *form; /* NULL: the first line of a table shows it */
    int n;                   /* names: 1, or 2 with the pair's; 0: the whole record */
    int tab;                 /* of a whole record: it is TEXT<TAB>PAIR */
    char names[2][FORM_NAME];
    int numbered;   /* 1: the names are columns' numbers, and the first row is a text like others */
    int columns[2]; /* from 0 */
    int n_columns;  /* of every row, 0: the first one was not read yet */
    struct form_room room;
    json_t *object;
    char why[FORM_NAME];
};

/* As input_next: 1 and a text, which may have a reason against it. */
int fields_next(struct fields *f, struct input *in, struct text *out, int *code);
/* Safe on a zeroed struct. */
void fields_free(struct fields *f);

#endif
