/* The texts of all subcommands that take texts: from arguments or an input, to standard output or a file of answers. */
#include "tools/texts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Answers appended to their own texts would never end. */
static int reads_what_it_writes(void)
{
    struct stat in, out;
    return fstat(STDIN_FILENO, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(in.st_mode) &&
           in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

/* ---- Opening ---- */

/* Words, or the records of `path` in lines. */
static int open_source(struct texts *t, char **words, int n, const char *path, const char *command)
{
    const int dash = n == 1 && !strcmp(words[0], "-");
    *t = (struct texts){.words = n && !dash ? words : NULL, .n_words = n, .in = {.fd = -1}};
    for (int i = 0; t->words && i < n; i++)
        if (!strcmp(words[i], "-"))
            return cli_fail(CLI_USAGE,
                            "%s: - stands for the lines of standard input, and stands alone; write a text that is a "
                            "dash to standard input, too",
                            command);
    if (path && n)
        return cli_fail(CLI_USAGE, "%s: --input gives the texts; leave out those of the command line", command);
    if (t->words)
        return CLI_OK;
    const int standard = !path || !strcmp(path, "-");
    if (standard && reads_what_it_writes())
        return cli_fail(CLI_USAGE, "%s: standard input and standard output are the same file", command);
    if (n == 0 && !path && isatty(STDIN_FILENO)) {
        cli_help(stderr, command);
        return CLI_USAGE;
    }
    t->fields.form = form_find("lines");
    return input_open(&t->in, standard ? "-" : path, 0);
}

int texts_open(struct texts *t, char **words, int n, int pairs, const char *command)
{
    const int code = open_source(t, words, n, NULL, command);
    t->fields.tab = pairs;
    return code;
}

int texts_open_file(struct texts *t, const char *path)
{
    *t = (struct texts){.fields.form = form_find("lines")};
    return input_open(&t->in, path, 1);
}

void texts_close(struct texts *t)
{
    parts_close(&t->parts, CLI_FAILED);
    if (!t->words)
        input_close(&t->in);
    fields_free(&t->fields);
    *t = (struct texts){.in = {.fd = -1}};
}

/* ---- The options ---- */

/* The names of the text and its pair: two options, or one with a comma. */
static int set_names(struct fields *f, const struct cli_names *names, const char *option)
{
    const char *values[2] = {names->values[0], names->values[1]};
    const char *const comma = names->n == 1 ? strchr(values[0], ',') : NULL;
    f->n = names->n + (comma != NULL);
    for (int i = 0; i < f->n; i++) {
        const char *const from = i && comma ? comma + 1 : values[i];
        const size_t n = !i && comma ? (size_t)(comma - from) : strlen(from);
        if (!n || n >= FORM_NAME || (comma && strchr(comma + 1, ',')))
            return cli_fail(CLI_USAGE, "--%s takes a name, or two with a comma: the text's and its pair's, not '%.64s'",
                            option, values[0]);
        memcpy(f->names[i], from, n);
    }
    return CLI_OK;
}

/* Columns that are all numbers are counted, and there is no header. */
static int set_numbers(struct fields *f)
{
    int digits = 0;
    for (int i = 0; i < f->n; i++)
        digits += f->names[i][strspn(f->names[i], "0123456789")] == 0;
    f->numbered = digits && digits == f->n;
    for (int i = 0; i < f->n && f->numbered; i++) {
        const long column = strtol(f->names[i], NULL, 10);
        if (column < 1 || column > FORM_COLUMNS)
            return cli_fail(CLI_USAGE, "--column %.64s: the limits are 1 and %d", f->names[i], FORM_COLUMNS);
        f->columns[i] = (int)column - 1;
    }
    return CLI_OK;
}

/* The form that the options ask for. NULL with CLI_OK: the first line of a table will show. */
static int choose_form(const struct text_options *o, const char *command, const struct form **out)
{
    const int column = o->columns.n > 0, field = o->fields.n > 0;
    *out = o->form ? form_find(o->form) : NULL;
    if (o->form && !*out)
        return cli_fail(CLI_USAGE, "%s: --form is %s, not '%.64s'", command, form_names, o->form);
    if (column + field + (o->null != 0) > 1)
        return cli_fail(CLI_USAGE,
                        "%s: --field is for JSON, --column for tables, --null for texts that end with NUL; "
                        "one of them is enough",
                        command);
    if (!*out && o->input && !o->null)
        *out = form_of_file(o->input);
    if (*out && ((column && (*out)->fields != FORM_TABLE) || (field && (*out)->fields != FORM_MEMBERS))) {
        if (o->form)
            return cli_fail(CLI_USAGE, "%s: --%s is not for --form %s", command, column ? "column" : "field", o->form);
        *out = NULL; /* the option knows better than the file's name */
    }
    if (o->null && *out && strcmp((*out)->name, "null"))
        return cli_fail(CLI_USAGE, "%s: --null is not for --form %s", command, o->form);
    if (!*out && !column)
        *out = form_find(field ? "jsonl" : o->null ? "null" : "lines");
    return CLI_OK;
}

static int choose_fields(struct texts *t, const struct text_options *o, const char *command)
{
    struct fields *const f = &t->fields;
    int code = choose_form(o, command, &f->form);
    if (!code && o->fields.n)
        code = set_names(f, &o->fields, "field");
    if (!code && o->columns.n)
        code = set_names(f, &o->columns, "column");
    if (!code && o->columns.n)
        code = set_numbers(f);
    if (code)
        return code;
    if (f->form && f->form->fields == FORM_WHOLE) {
        f->tab = o->pairs;
        return CLI_OK;
    }
    if (!f->n) { /* as --json calls them */
        f->n = 1 + (o->pairs != 0);
        memcpy(f->names[0], "text", sizeof "text");
        memcpy(f->names[1], "pair", sizeof "pair");
    }
    if (f->n == 2 && o->no_pairs)
        return cli_fail(CLI_USAGE, "%s: takes texts, not pairs of them; give one name", command);
    if (f->n == 1 && o->pairs)
        return cli_fail(CLI_USAGE, "%s: two names are wanted, the text's and its pair's: --%s A,B", command,
                        o->columns.n ? "column" : "field");
    return CLI_OK;
}

int texts_form_given(const struct text_options *o)
{
    return o->form || o->fields.n || o->columns.n || o->null;
}

int texts_open_by(struct texts *t, const struct text_options *o, char **words, int n, const char *command)
{
    int code = open_source(t, words + 1, n - 1, o->input, command);
    t->keep_going = o->keep_going;
    t->summary = o->summary;
    t->resume = o->resume;
    t->model = words[0];
    if (code)
        return code;
    if (o->output && strcmp(o->output, "-") && strcmp(o->output, "/dev/stdout"))
        t->output = o->output;
    if (t->resume && !t->output)
        return cli_fail(CLI_USAGE, "%s: --resume goes on in a file; give its name with --output FILE", command);
    if (t->words && texts_form_given(o))
        return cli_fail(CLI_USAGE, "%s: --form, --field, --column and --null are for --input and standard input",
                        command);
    if (!t->words)
        return choose_fields(t, o, command);
    t->fields.form = form_find("lines");
    t->fields.tab = o->pairs;
    return CLI_OK;
}

/* ---- Texts ---- */

/* Whether texts are told by their numbers, or by the lines in which they begin. */
static int counts_texts(const struct texts *t)
{
    return t->words || (t->fields.form && !strcmp(t->fields.form->name, "null"));
}

size_t texts_place(const struct texts *t)
{
    return counts_texts(t) ? t->number : t->in.line;
}

const char *texts_where(const struct texts *t, char out[128])
{
    const char *const what = counts_texts(t) ? "text" : "line";
    if (!t->in.name || t->words)
        snprintf(out, 128, "%s %zu", what, texts_place(t));
    else if (counts_texts(t))
        snprintf(out, 128, "%.80s: text %zu", t->in.name, t->number);
    else
        snprintf(out, 128, "%.90s:%zu", t->in.name, t->in.line);
    return out;
}

/* A word is a line of its own. */
static int next_word(struct texts *t, struct text *out)
{
    if (t->number == (size_t)t->n_words)
        return 0;
    const char *const word = t->words[t->number], *const tab = t->fields.tab ? strchr(word, '\t') : NULL;
    *out = (struct text){.text = word, .bytes = tab ? (size_t)(tab - word) : strlen(word)};
    out->pair = tab ? tab + 1 : NULL;
    out->pair_bytes = tab ? strlen(tab + 1) : 0;
    out->why = t->fields.tab && !tab ? "no tab between the text and its pair" : NULL;
    return 1;
}

int texts_next(struct texts *t, struct text *out, int *code)
{
    const int got = t->words ? next_word(t, out) : fields_next(&t->fields, &t->in, out, code);
    t->number += got > 0;
    return got;
}

int texts_ready(struct texts *t)
{
    return t->words || (t->fields.form && input_ready(&t->in, t->fields.form->end));
}

/* ---- Answers ---- */

/* How much of all texts has been read, negative where nobody knows. */
static double part_of(const struct texts *t)
{
    if (t->words)
        return (double)t->number / t->n_words;
    return t->in.size > 0 ? (double)t->in.taken / (double)t->in.size : -1;
}

int texts_begin(struct texts *t)
{
    const char *const inputs[] = {t->model, t->in.name ? t->in.name : t->model, NULL};
    static const enum parts_kind kinds[] = {[TEXTS_LINE] = PARTS_LINES,
                                            [TEXTS_JSON] = PARTS_LINES,
                                            [TEXTS_ROW] = PARTS_ROWS,
                                            [TEXTS_BLOCK] = PARTS_BLOCKS,
                                            [TEXTS_FREE] = PARTS_LINES};
    struct text skipped;
    int code = CLI_OK;
    if (t->output) {
        if (t->resume && t->form == TEXTS_FREE)
            return cli_fail(CLI_USAGE,
                            "%s: nobody can see where a result ends in results of several lines; --resume "
                            "goes with --json",
                            t->output);
        t->rows.kind = kinds[t->form];
        code = parts_open(&t->parts, t->output, t->resume, &t->rows, inputs);
    }
    if (!code && t->parts.refused && !t->keep_going)
        code = cli_fail(CLI_USAGE,
                        "%s: has the reasons against %zu texts in place of their answers; resume it with "
                        "--keep-going, too",
                        t->output, t->parts.refused);
    t->before = t->parts.refused - t->parts.last_refused; /* the last one is answered again */
    while (!code && t->number < parts_done(&t->parts) && texts_next(t, &skipped, &code) > 0) {
    }
    if (!code)
        progress_begin(&t->progress, part_of(t));
    return code;
}

int texts_answered(struct texts *t, size_t tokens)
{
    progress_step(&t->progress, tokens, part_of(t));
    return parts_answered(&t->parts);
}

int texts_refuse(struct texts *t, const char *why)
{
    char where[128];
    texts_where(t, where);
    if (!t->keep_going)
        return cli_fail(CLI_INPUT, "%s: %s", where, why);
    if (!t->refused++)
        memcpy(t->first, where, sizeof t->first);
    if (t->form == TEXTS_ROW) {
        cli_warn("%s: %s", where, why);
    } else if (t->form == TEXTS_JSON) {
        fputs("{\"error\":", stdout);
        cli_json_text(stdout, why);
        printf(",\"line\":%zu}\n", texts_place(t));
    } else {
        printf("!error\t%zu\t", texts_place(t));
        cli_plain(stdout, why, strlen(why));
        putchar('\n');
    }
    return cli_written();
}

int texts_end(struct texts *t, int code)
{
    code = parts_close(&t->parts, code);
    progress_end(&t->progress, t->summary);
    if (code || !(t->refused + t->before))
        return code;
    if (!t->refused)
        return cli_fail(CLI_INPUT, "%zu of %zu texts were refused before this run", t->before, t->number);
    return cli_fail(CLI_INPUT, "%zu of %zu texts were refused, the first of them%s: %s", t->refused + t->before,
                    t->number, t->before ? " in this run" : "", t->first);
}
