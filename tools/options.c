/* Parses the options of all subcommands. */
#include "tools/cli.h"

#include "runtime/base/decimal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A whole number at *text, *text moved behind it; 0 when there is none. */
static int read_number(const char **text, int64_t *out)
{
    char *end;
    if (**text < '0' || **text > '9')
        return 0;
    errno = 0;
    *out = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static int parse_int(const struct cli_option *o, const char *value)
{
    int64_t n = 0;
    const char *at = value;
    if (!read_number(&at, &n) || *at)
        return cli_fail(CLI_USAGE, "--%s takes a whole number from %d to %d, not '%.64s'", o->name, o->min, o->max,
                        value);
    if (n < o->min || n > o->max)
        return cli_fail(CLI_USAGE, "--%s %.64s: the limits are %d and %d", o->name, value, o->min, o->max);
    *(int32_t *)o->field = (int32_t)n;
    return CLI_OK;
}

static int parse_real(const struct cli_option *o, const char *value)
{
    double x;
    if (tern_decimal(value, &x) || !(x >= o->min && x <= o->max))
        return cli_fail(CLI_USAGE, "--%s takes a number from %d to %d, not '%.64s'", o->name, o->min, o->max, value);
    *(double *)o->field = x;
    return CLI_OK;
}

/* One item: N, A-B, A-B+STEP or A-B*FACTOR. */
static int parse_item(struct cli_list *out, const char *option, const char **text, int32_t min, int32_t max)
{
    int64_t from, to, by = 1;
    char how = '+';
    if (!read_number(text, &from))
        return cli_fail(CLI_USAGE, "--%s takes a list such as 1,2,8 or 16-128*2, not '%.64s'", option, *text);
    to = from;
    if (**text == '-') {
        ++*text;
        int good = read_number(text, &to);
        if (good && (**text == '+' || **text == '*')) {
            how = *(*text)++;
            good = read_number(text, &by);
        }
        if (!good || by < (how == '*' ? 2 : 1) || by > max || to < from)
            return cli_fail(CLI_USAGE, "--%s: a range is A-B, A-B+STEP or A-B*FACTOR, with A at most B, up to %d",
                            option, max);
    }
    if (from < min || to > max)
        return cli_fail(CLI_USAGE, "--%s %lld: the limits are %d and %d", option, (long long)(from < min ? from : to),
                        min, max);
    for (int64_t v = from; v <= to; v = how == '*' ? v * by : v + by) {
        if (out->n == CLI_MAX_LIST)
            return cli_fail(CLI_USAGE, "--%s: more than %d values", option, CLI_MAX_LIST);
        out->values[out->n++] = (int32_t)v;
    }
    return CLI_OK;
}

int cli_parse_list(struct cli_list *out, const char *option, const char *text, int32_t min, int32_t max)
{
    out->n = 0;
    for (;;) {
        int code = parse_item(out, option, &text, min, max);
        if (code || !*text)
            return code;
        if (*text++ != ',')
            return cli_fail(CLI_USAGE, "--%s takes a list such as 1,2,8 or 16-128*2, not '...%.64s'", option, text - 1);
    }
}

static int parse_truncate(tern_truncate *out, const char *value)
{
    if (!strcmp(value, "error"))
        *out = TERN_TRUNCATE_ERROR;
    else if (!strcmp(value, "head"))
        *out = TERN_TRUNCATE_HEAD;
    else if (!strcmp(value, "tail"))
        *out = TERN_TRUNCATE_TAIL;
    else if (!strcmp(value, "window"))
        return cli_fail(CLI_USAGE, "--truncate window is for a later version; error, head and tail are there");
    else
        return cli_fail(CLI_USAGE, "--truncate is error, head or tail, not '%.64s'", value);
    return CLI_OK;
}

static int add_name(const struct cli_option *o, const char *value)
{
    struct cli_names *const names = o->field;
    if (names->n == CLI_MAX_NAMES)
        return cli_fail(CLI_USAGE, "--%s was given more than %d times", o->name, CLI_MAX_NAMES);
    names->values[names->n++] = value;
    return CLI_OK;
}

static int set_option(const struct cli_option *o, const char *value)
{
    switch (o->kind) {
    case CLI_FLAG: *(int *)o->field = 1; break;
    case CLI_STRING: *(const char **)o->field = value; break;
    case CLI_INT: return parse_int(o, value);
    case CLI_REAL: return parse_real(o, value);
    case CLI_LIST: return cli_parse_list(o->field, o->name, value, o->min, o->max);
    case CLI_NAMES: return add_name(o, value);
    case CLI_TRUNCATE: return parse_truncate(o->field, value);
    case CLI_REFUSED: return cli_fail(CLI_USAGE, "--%s: %s", o->name, (const char *)o->field);
    }
    return CLI_OK;
}

/* The option a word names: --name, --name=value, -x, -xvalue. *value is what is inside the word, or NULL. */
static const struct cli_option *find_option(const struct cli_option *options, const char *word, const char **value)
{
    *value = NULL;
    for (const struct cli_option *o = options; o->name; o++) {
        size_t n = strlen(o->name);
        if (word[1] == '-' && !strncmp(word + 2, o->name, n) && (!word[2 + n] || word[2 + n] == '=')) {
            *value = word[2 + n] ? word + 3 + n : NULL;
            return o;
        }
        if (word[1] != '-' && o->letter && word[1] == o->letter) {
            *value = word[2] ? word + 2 : NULL;
            return o;
        }
    }
    return NULL;
}

int cli_parse(const struct cli_option *options, const char *command, int argc, char **argv, int *n_words)
{
    int words = 0, literal = 0;
    *n_words = -1;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value;
        if (literal || word[0] != '-' || !word[1]) {
            argv[words++] = argv[i];
            continue;
        }
        if (!strcmp(word, "--")) {
            literal = 1;
            continue;
        }
        if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
            cli_help(stdout, command);
            return CLI_OK;
        }
        const struct cli_option *o = find_option(options, word, &value);
        if (!o)
            return cli_fail(CLI_USAGE, "%s: unknown option '%.64s'; see tern %s --help", command, word, command);
        int takes = o->kind != CLI_FLAG && o->kind != CLI_REFUSED;
        if (o->kind == CLI_FLAG && value)
            return cli_fail(CLI_USAGE, "%s: --%s takes no value", command, o->name);
        if (takes && !value && ++i == argc)
            return cli_fail(CLI_USAGE, "%s: --%s needs a value; see tern %s --help", command, o->name, command);
        int code = set_option(o, value ? value : takes ? argv[i] : "");
        if (code)
            return code;
    }
    *n_words = words;
    return CLI_OK;
}
