/* Any bytes as a file of texts; the first byte says in which form, and how the text is found in a record. Every record
   is a text with a text, or with a reason against it; their lines only grow, and no byte is taken twice or left out. */
/* COVERS: tools/forms.c tools/input.c */

#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"
#include "tools/cli.h"
#include "tools/forms.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_FORMS = 6 /* the last: the first line of a table shows which */, PAIR = 8, NUMBERS = 16 };

static struct fields fields_of(uint8_t how)
{
    static const char *const names[2][2] = {{"text", "pair"}, {"1", "3"}};
    const int numbers = (how & NUMBERS) != 0, n_forms = how % 8 < N_FORMS ? how % 8 : 0;
    struct fields f = {.form = n_forms == N_FORMS - 1 ? NULL : &forms[n_forms], .tab = (how & PAIR) != 0};
    f.n = f.form && f.form->fields == FORM_WHOLE ? 0 : 1 + f.tab;
    f.numbered = numbers && (!f.form || f.form->fields == FORM_TABLE);
    for (int i = 0; i < f.n; i++) {
        strcpy(f.names[i], names[f.numbered][i]);
        f.columns[i] = 2 * i;
    }
    return f;
}

static size_t sum(const char *bytes, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (unsigned char)bytes[i];
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in;
    struct text t;
    char path[300], said[4096];
    int code = CLI_OK, got;
    size_t total = 0; /* every byte of a text is read */
    if (!size)
        return 0;
    struct fields f = fields_of(data[0]);
    strcpy(stpcpy(path, fuzz_dir()), "/texts");
    fuzz_check(!test_write_file(fuzz_dir(), "texts", data + 1, size - 1));
    fuzz_capture_begin();
    fuzz_check(input_open(&in, path, 0) == CLI_OK);
    for (size_t line = 0; (got = fields_next(&f, &in, &t, &code)) > 0; line = in.line) {
        fuzz_check(in.line > line || !strcmp(f.form->name, "null"));
        fuzz_check(t.why ? strlen(t.why) > 0 : t.text != NULL && (t.pair != NULL) == (f.n == 2 || (!f.n && f.tab)));
        total += sum(t.text, t.why ? 0 : t.bytes) + sum(t.pair, t.why || !t.pair ? 0 : t.pair_bytes);
    }
    const size_t n = fuzz_capture_end(said, sizeof said);
    if (got < 0)
        fuzz_check(code == CLI_INPUT && n > 1 && memchr(said, '\n', n) == said + n - 1);
    else
        fuzz_check(n == 0 && in.taken == in.size);
    fuzz_check(total <= 255 * size * 4); /* an escape of six bytes makes three at most */
    input_close(&in);
    fields_free(&f);
    return 0;
}
