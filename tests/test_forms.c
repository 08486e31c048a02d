/* The forms that texts are read in: what each makes of a file, in pieces of any size, and of a file that is wrong. */
/* SOURCES: tools/forms.c tools/input.c tools/cli.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/cli.h"
#include "tools/forms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* One text, as it shows below: TEXT, TEXT<PAIR>, or !LINE:REASON, where the beginning of a reason is enough. */
struct read_case {
    const char *form, *names[2];
    int tab;
    const char *bytes;
    size_t size; /* 0: up to the terminating zero */
    const char *texts[8];
};

static const struct read_case cases[] = {
    {"lines", {NULL}, 0, "a\r\n\nb\tc\rd\n e", 0, {"a", "", "b\tc\rd", " e"}},
    {"lines",
     {NULL},
     0,
     "\xef\xbb\xbf"
     "a\n\xef\xbb\xbf"
     "b\n",
     0,
     {"a", "\xef\xbb\xbf"
           "b"}},
    {"lines", {NULL}, 1, "a\tb\nno\n\t\n", 0, {"a<b>", "!2:no tab", "<>"}},
    {"lines", {NULL}, 0, "", 0, {NULL}},
    {"null", {NULL}, 0, "a\nb\0\0c\r\n\0d", 10, {"a\nb", "", "c\r\n", "d"}},
    {"null", {NULL}, 1, "a\tb\nc\0d", 7, {"a<b\nc>", "!2:no tab"}},
    {"jsonl", {"t"}, 0, "{\"t\":\"a\\nb\",\"i\":[1]}\r\n\n {\"t\":\"\\u00e9\"}", 0, {"a\nb", "\xc3\xa9"}},
    {"jsonl",
     {"t", "u"},
     0,
     "{\"u\":\"b\",\"t\":\"a\"}\n{\"t\":\"a\"}\n",
     0,
     {"a<b>", "!2:the object has no member 'u'"}},
    {"jsonl",
     {"t"},
     0,
     "{\"t\":\"a\"\n{\"t\":1}\n\n[]\nx\n{\"t\":\"\xff\"}\n{\"t\":\"z\"}\n",
     0,
     {"!1:bad JSON at line 1 column 9", "!2:the member 't' is no string", "!4:is no JSON object", "!5:bad JSON",
      "!6:bad JSON", "z"}},
    {"csv", {"t"}, 0, "i,t\n1,a\n2,\n\n3,b b", 0, {"a", "", "b b"}},
    {"csv",
     {"t\nx"},
     0,
     "\xef\xbb\xbf"
     "\"t\nx\",\"i\"\r\n\"a \"\"q\"\", b\r\nc\",1\r\n\"\",2\r\n\"\"\"\",3\r\n",
     0,
     {"a \"q\", b\r\nc", "", "\""}},
    {"csv", {"b", "a"}, 0, "a,b\n1,2\n", 0, {"2<1>"}},
    {"csv", {"2"}, 0, "a,b\nc,\"d\"\n", 0, {"b", "d"}},
    {"csv", {"3"}, 0, "a,b\n", 0, {"!1:has 2 columns, so that there is no column 3"}},
    {"csv",
     {"t"},
     0,
     "t,i\na b\"c,1\nd,2,3\ne\n\"f\"g,1\nh,1\n",
     0,
     {"a b\"c", "!3:has 3 columns, where the file's first line has 2", "!4:has 1 column,", "!5:a quoted field must end",
      "h"}},
    /* All behind the quote was one text. */
    {"csv", {"t"}, 0, "t,i\n\"a,1\nb,2\nc,3\n", 0, {"!2:a field begins with a quote", "b", "c"}},
    {"csv", {"t"}, 0, "t\n\"a\"\"", 0, {"!2:a field begins with a quote"}},
    {"tsv", {"t"}, 0, "i\tt\n1\t\"a\n2\tb \"\"\r\n\n3\t\n", 0, {"\"a", "b \"\"", ""}},
    {"tsv", {"2", "1"}, 0, "i\tt\n1\ta\n", 0, {"t<i>", "a<1>"}},
    /* The first line that is not blank says which table it is. */
    {NULL, {"t"}, 0, "\n\ni\tt\n1\ta\n", 0, {"a"}},
    {NULL, {"t"}, 0, "i,t\n1,a\tb\n", 0, {"a\tb"}},
};

/* The fields of a case, as the options would set them. */
static struct fields fields_of(const struct read_case *c)
{
    struct fields f = {.form = c->form ? form_find(c->form) : NULL, .tab = c->tab};
    for (int i = 0; i < 2 && c->names[i]; i++, f.n++) {
        snprintf(f.names[i], sizeof f.names[i], "%s", c->names[i]);
        f.columns[i] = atoi(c->names[i]) - 1;
        f.numbered = f.columns[i] >= 0;
    }
    return f;
}

static void show(char *out, size_t room, const struct text *t, const struct input *in, const struct fields *f)
{
    if (t->why)
        snprintf(out, room, "!%zu:%s", strcmp(f->form->name, "null") ? in->line : in->number, t->why);
    else if (t->pair)
        snprintf(out, room, "%.*s<%.*s>", (int)t->bytes, t->text, (int)t->pair_bytes, t->pair);
    else
        snprintf(out, room, "%.*s", (int)t->bytes, t->text);
}

static void check(size_t number, struct input *in)
{
    const struct read_case *c = &cases[number];
    struct fields f = fields_of(c);
    struct text t;
    char shown[512];
    int code = CLI_OK;
    for (size_t i = 0; c->texts[i]; i++) {
        if (fields_next(&f, in, &t, &code) != 1)
            fail_msg("case %zu: text %zu is missing", number, i);
        show(shown, sizeof shown, &t, in, &f);
        if (t.why ? strncmp(shown, c->texts[i], strlen(c->texts[i])) : strcmp(shown, c->texts[i]))
            fail_msg("case %zu: text %zu is '%s', not '%s'", number, i, shown, c->texts[i]);
    }
    assert_int_equal(fields_next(&f, in, &t, &code), 0);
    assert_int_equal(code, CLI_OK);
    fields_free(&f);
}

static size_t size_of(const struct read_case *c)
{
    return c->size ? c->size : strlen(c->bytes);
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        FILE *const file = tmpfile();
        struct input in;
        char name[32];
        assert_non_null(file);
        fwrite(cases[i].bytes, 1, size_of(&cases[i]), file);
        fflush(file);
        snprintf(name, sizeof name, "/proc/self/fd/%d", fileno(file));
        assert_int_equal(input_open(&in, name, 0), CLI_OK);
        assert_int_equal(in.size, size_of(&cases[i]));
        check(i, &in);
        assert_int_equal(in.taken, in.size);
        input_close(&in);
        fclose(file);
    }
}

/* A record that comes byte by byte: the search for its end goes on where it was. */
static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            for (size_t k = 0; k < size_of(&cases[i]); k++) {
                usleep(200);
                if (write(ends[1], cases[i].bytes + k, 1) != 1)
                    _exit(1);
            }
            _exit(0);
        }
        close(ends[1]);
        struct input in = {.fd = ends[0], .size = -1};
        check(i, &in);
        input_close(&in);
    }
}

/* A text of more than any buffer. */
static void test_long(void **state)
{
    (void)state;
    enum { LONG = 300000 };
    static const char *const names[] = {"lines", "null", "jsonl", "csv"};
    static const char *const heads[] = {"", "", "{\"t\":\"", "t\n\""}, *const tails[] = {"\n", "", "\"}\n", "\"\n"};
    for (size_t i = 0; i < COUNT(names); i++) {
        FILE *const file = tmpfile();
        struct fields f = {.form = form_find(names[i]), .n = f.form->fields != FORM_WHOLE, .names = {"t"}};
        struct text t;
        int code = CLI_OK;
        assert_non_null(file);
        fputs(heads[i], file);
        for (int k = 0; k < LONG; k++)
            putc('x', file);
        fputs(tails[i], file);
        rewind(file);
        struct input in = {.fd = dup(fileno(file)), .size = -1};
        assert_int_equal(fields_next(&f, &in, &t, &code), 1);
        assert_null(t.why);
        assert_int_equal(t.bytes, LONG);
        assert_int_equal(fields_next(&f, &in, &t, &code), 0);
        fields_free(&f);
        input_close(&in);
        fclose(file);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_null(form_find("xml"));
    assert_null(form_of_file("texts.txt"));
    assert_null(form_of_file(".csv")); /* a name, no ending */
    assert_string_equal(form_of_file("a/b.ndjson")->name, "jsonl");
    for (const struct form *f = forms; f->name; f++)
        assert_non_null(strstr(form_names, f->name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
