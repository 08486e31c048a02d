/* A strict JSON reader that builds jansson's values. jansson's own reader cannot be used: when its token buffer fails
   to grow it drops bytes and goes on (2.14, lex_save in load.c), so that a failed allocation becomes a wrong name or a
   syntax error instead of TERN_NOMEM; and it refuses integers beyond 64 bits, which Hugging Face writes. */
#include "models/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 32,   /* tokenizer.json needs 6 */
    MAX_NUMBER = 127, /* characters; "1000000000000000019884624838656" is the longest in the wild */
};

struct buffer {
    char *bytes;
    size_t capacity;
};

struct parser {
    const char *text, *at, *end;
    size_t values_left, max_values;
    struct buffer key, string; /* the last key and the last string read, zero-terminated */
    const char *label;
    tern_error *err;
};

static tern_status bad(const struct parser *p, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *s = p->text; s < p->at; s++) {
        column = *s == '\n' ? 1 : column + 1;
        line += *s == '\n';
    }
    return tern_fail(p->err, TERN_FORMAT, "%s: bad JSON at line %zu column %zu: %s", p->label, line, column, what);
}

static tern_status no_memory(const struct parser *p)
{
    return tern_fail_nomem(p->err, p->label, (size_t)(p->end - p->text));
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

/* Takes the byte if it comes next, after white space. */
static int take(struct parser *p, char byte)
{
    skip_space(p);
    if (p->at >= p->end || *p->at != byte)
        return 0;
    p->at++;
    return 1;
}

/* The length of the UTF-8 sequence at s, 0 if it is ill-formed: Unicode 15, table 3-7. */
static size_t utf8_length(const char *s, const char *end)
{
    uint8_t b[4] = {0};
    size_t left = (size_t)(end - s), n;

    for (size_t i = 0; i < 4 && i < left; i++)
        b[i] = (uint8_t)s[i];
    n = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) || (b[0] == 0xf0 && b[1] < 0x90) ||
        (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return n;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* Four hexadecimal digits, or -1. */
static int32_t take_hex4(struct parser *p)
{
    int32_t value = 0;
    if (p->end - p->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *p->at++;
        int32_t digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c - 'A' + 10;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The escape after a backslash. A \u of 6 bytes (12 for a pair) becomes at most 3 (4), so `out` never overtakes. */
static tern_status take_escape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *simple;
    int32_t c, low;
    char escape;

    if (p->at >= p->end)
        return bad(p, "string without an end");
    escape = *p->at++;
    simple = escape ? strchr(from, escape) : NULL;
    if (simple) {
        *(*out)++ = to[simple - from];
        return TERN_OK;
    }
    if (escape != 'u')
        return bad(p, "invalid escape");
    c = take_hex4(p);
    if (c >= 0xd800 && c <= 0xdbff) {
        if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
            return bad(p, "half of a surrogate pair");
        p->at += 2;
        low = take_hex4(p);
        if (low < 0xdc00 || low > 0xdfff)
            return bad(p, "half of a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff)) {
        return bad(p, c == 0 ? "\\u0000 in a string" : "invalid \\u escape");
    }
    *out = put_utf8(*out, (uint32_t)c);
    return TERN_OK;
}

/* Makes room for the string that begins at p->at: up to its closing quote, whatever it decodes to. */
static tern_status reserve(struct parser *p, struct buffer *buffer)
{
    const char *s = p->at;
    size_t need;
    while (s < p->end && *s != '"')
        s += *s == '\\' && p->end - s > 1 ? 2 : 1;
    if (s >= p->end)
        return bad(p, "string without an end");
    need = (size_t)(s - p->at) + 1;
    if (need > buffer->capacity) {
        size_t capacity = need < 64 ? 64 : need + need / 2;
        char *bytes = realloc(buffer->bytes, capacity);
        if (!bytes)
            return no_memory(p);
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return TERN_OK;
}

/* A string whose opening quote has been taken, decoded into `buffer`. */
static tern_status take_string(struct parser *p, struct buffer *buffer)
{
    tern_status status = reserve(p, buffer);
    char *out = buffer->bytes;

    while (status == TERN_OK && *p->at != '"') { /* reserve() has seen the closing quote */
        if (*p->at == '\\') {
            p->at++;
            status = take_escape(p, &out);
        } else if ((uint8_t)*p->at < 0x20) {
            status = bad(p, "control character in a string");
        } else if ((uint8_t)*p->at < 0x80) {
            *out++ = *p->at++;
        } else {
            size_t n = utf8_length(p->at, p->end);
            if (n == 0)
                return bad(p, "invalid UTF-8");
            memcpy(out, p->at, n);
            out += n;
            p->at += n;
        }
    }
    if (status != TERN_OK)
        return status;
    p->at++;
    *out = '\0';
    return TERN_OK;
}

static size_t count_digits(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

/* strtod() expects the locale's decimal point, which snprintf() tells without touching shared state. */
static double to_double(const char *text)
{
    char point[16], copy[MAX_NUMBER + 1 + sizeof point];
    const char *dot = strchr(text, '.');
    snprintf(point, sizeof point, "%.1f", 0.5);
    if (!dot)
        return strtod(text, NULL);
    snprintf(copy, sizeof copy, "%.*s%.*s%s", (int)(dot - text), text, (int)strlen(point) - 2, point + 1, dot + 1);
    return strtod(copy, NULL);
}

static tern_status take_number(struct parser *p, json_t **out)
{
    char text[MAX_NUMBER + 1];
    const char *s = p->at + (*p->at == '-');
    size_t n = count_digits(s, p->end), length;
    int is_real = 0;
    int64_t value = 0;

    if (n == 0 || (n > 1 && *s == '0'))
        return bad(p, "invalid number");
    s += n;
    if (s < p->end && *s == '.') {
        is_real = 1;
        n = count_digits(++s, p->end);
        s += n;
    }
    if (n > 0 && s < p->end && (*s == 'e' || *s == 'E')) {
        is_real = 1;
        s++;
        if (s < p->end && (*s == '+' || *s == '-'))
            s++;
        n = count_digits(s, p->end);
        s += n;
    }
    if (n == 0)
        return bad(p, "invalid number");
    length = (size_t)(s - p->at);
    if (length > MAX_NUMBER)
        return bad(p, "number of more than 127 characters");
    memcpy(text, p->at, length);
    text[length] = '\0';
    /* negative numbers reach one further, so the sum runs below zero */
    for (const char *d = text + (*text == '-'); !is_real && *d; d++) {
        if (value < (INT64_MIN + (*d - '0')) / 10)
            is_real = 1;
        else
            value = value * 10 - (*d - '0');
    }
    if (!is_real && *text != '-' && value == INT64_MIN)
        is_real = 1;
    if (is_real) {
        double real = to_double(text);
        if (!(real >= -1.7976931348623157e308 && real <= 1.7976931348623157e308))
            return bad(p, "number out of range");
        *out = json_real(real);
    } else {
        *out = json_integer(*text == '-' ? value : -value);
    }
    p->at = s;
    return *out ? TERN_OK : no_memory(p);
}

static int take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return 0;
    p->at += n;
    return 1;
}

/* Makes the value that comes next: a container is made empty, *is_open tells the caller to fill it. */
static tern_status begin_value(struct parser *p, json_t **out, int *is_open)
{
    tern_status status;

    *is_open = 0;
    if (p->values_left-- == 0) {
        p->values_left = 0;
        return tern_fail(p->err, TERN_FORMAT, "%s: more than %zu JSON values", p->label, p->max_values);
    }
    skip_space(p);
    if (p->at >= p->end)
        return bad(p, "unexpected end");
    if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))
        return take_number(p, out);
    if (take(p, '"')) {
        status = take_string(p, &p->string);
        if (status != TERN_OK)
            return status;
        *out = json_string_nocheck(p->string.bytes);
    } else if (*p->at == '{' || *p->at == '[') {
        *out = *p->at++ == '{' ? json_object() : json_array();
        *is_open = 1;
    } else if (take_word(p, "true")) {
        *out = json_true();
    } else if (take_word(p, "false")) {
        *out = json_false();
    } else if (take_word(p, "null")) {
        *out = json_null();
    } else {
        return bad(p, "expected a value");
    }
    return *out ? TERN_OK : no_memory(p);
}

/* A key and its colon. */
static tern_status take_key(struct parser *p)
{
    if (!take(p, '"'))
        return bad(p, "expected a key");
    const tern_status status = take_string(p, &p->key);
    return status || take(p, ':') ? status : bad(p, "expected ':'");
}

/* Fills an empty container up to its closing bracket. Every value is attached before it is filled itself: whatever
   goes wrong, releasing the root releases all. */
static tern_status fill(struct parser *p, json_t *container, int depth)
{
    const int is_object = json_is_object(container);
    const char close = is_object ? '}' : ']';

    if (depth > MAX_DEPTH)
        return bad(p, "nested too deeply");
    if (take(p, close))
        return TERN_OK;
    do {
        json_t *value = NULL;
        int is_open, failed;
        tern_status status;
        if (is_object) {
            status = take_key(p);
            if (status != TERN_OK)
                return status;
            if (json_object_get(container, p->key.bytes))
                return tern_fail(p->err, TERN_FORMAT, "%s: duplicate key %.100s", p->label, p->key.bytes);
        }
        status = begin_value(p, &value, &is_open);
        if (status != TERN_OK)
            return status;
        failed = is_object ? json_object_set_new_nocheck(container, p->key.bytes, value)
                           : json_array_append_new(container, value);
        if (failed)
            return no_memory(p);
        if (is_open) {
            status = fill(p, value, depth + 1);
            if (status != TERN_OK)
                return status;
        }
    } while (take(p, ','));
    return take(p, close) ? TERN_OK : bad(p, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
}

static struct parser parser_of(const char *text, size_t size, size_t max_values, const char *label, tern_error *err)
{
    return (struct parser){.text = text,
                           .at = text,
                           .end = text + size,
                           .values_left = max_values,
                           .max_values = max_values,
                           .label = label,
                           .err = err};
}

/* Nothing may follow the value. Frees the parser's buffers. */
static tern_status finish(struct parser *p, tern_status status)
{
    skip_space(p);
    if (status == TERN_OK && p->at != p->end)
        status = bad(p, "something follows the value");
    free(p->key.bytes);
    free(p->string.bytes);
    return status;
}

tern_status tern_json_parse(json_t **out, const char *text, size_t size, size_t max_values, const char *label,
                            tern_error *err)
{
    struct parser p = parser_of(text, size, max_values, label, err);
    json_t *root = NULL;
    int is_open = 0;
    tern_status status = begin_value(&p, &root, &is_open);

    if (status == TERN_OK && is_open)
        status = fill(&p, root, 1);
    status = finish(&p, status);
    if (status != TERN_OK) {
        json_decref(root);
        root = NULL;
    }
    *out = root;
    return status;
}

static tern_status take_member(struct parser *p, const struct tern_json_members *members)
{
    json_t *value = NULL;
    int is_open = 0;
    tern_status status = take_key(p);

    if (status != TERN_OK)
        return status;
    skip_space(p);
    const char *const after = members->take(members->context, p->key.bytes, p->at, p->end);
    if (after) {
        p->at = after;
        return TERN_OK;
    }
    struct buffer key = p->key; /* the value may have keys itself */
    p->key = (struct buffer){NULL, 0};
    status = begin_value(p, &value, &is_open);
    if (status == TERN_OK && is_open)
        status = fill(p, value, 2);
    if (status == TERN_OK)
        status = members->value(members->context, key.bytes, value);
    else
        json_decref(value);
    free(key.bytes);
    return status;
}

tern_status tern_json_each(const struct tern_json_members *members, const char *text, size_t size, size_t max_values,
                           const char *label, tern_error *err)
{
    struct parser p = parser_of(text, size, max_values, label, err);
    tern_status status = take(&p, '{') ? TERN_OK : bad(&p, "expected '{'");

    if (status == TERN_OK && !take(&p, '}')) {
        do
            status = take_member(&p, members);
        while (status == TERN_OK && take(&p, ','));
        if (status == TERN_OK && !take(&p, '}'))
            status = bad(&p, "expected ',' or '}'");
    }
    return finish(&p, status);
}
