/* Any bytes as a file of answers that another run left. The first byte says what its answers look like, the second
   whether the answer that is made again is the right one. Resumed with the right one, the file is what it was, up to
   the end of its last whole answer, and what is written goes behind; with another one, or where it is refused, no byte
   of it changes. */
/* COVERS: tools/parts.c */

#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"
#include "tools/cli.h"
#include "tools/parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 3, FLOATS = 8, HEAD = 16, ROW = 8, HEAD_BYTES = 12, HEAD_SAME = 6 };
static const char head[HEAD_BYTES + 1] = "numbers:    ";
static int output = -1; /* this process's standard output */

static struct parts_form form_of(uint8_t how)
{
    struct parts_form f = {.kind = (enum parts_kind)(how % KINDS), .row = ROW, .floats = (how & FLOATS) != 0};
    if (f.kind == PARTS_ROWS && (how & HEAD)) {
        f.head = head;
        f.head_bytes = HEAD_BYTES;
        f.head_same = HEAD_SAME;
    }
    return f;
}

/* The file's bytes against those that it was given, of which the first `kept` must be there. */
static void check_file(const char *path, const uint8_t *bytes, size_t kept, size_t size)
{
    FILE *const file = fopen(path, "rb");
    char *const now = malloc(size + 1);
    fuzz_check(file && now);
    fuzz_check(fread(now, 1, size + 1, file) == size && !memcmp(now, bytes, kept));
    fclose(file);
    free(now);
}

/* Makes the answer again that the run left last: right, or another one. The exit code. */
static int answer_again(struct parts *p, const struct parts_form *form, int right, size_t *more)
{
    static const char rest[] = "\n\n";
    *more = 0;
    if (p->checking) {
        fwrite(p->old, 1, p->old_bytes, stdout);
        if (!p->whole) { /* half an answer, and what it lacks */
            *more = p->old_bytes;
            fwrite(rest, 1, 2, stdout);
            *more += 2;
        }
        if (!right)
            fputs(form->kind == PARTS_ROWS ? "another row" : "another answer\n", stdout);
        if (!right && !p->whole) /* then what is there is its beginning all the same */
            *more += form->kind == PARTS_ROWS ? 11 : 15;
    }
    return parts_answered(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const inputs[] = {"/dev/null", NULL};
    struct parts p = {0};
    char path[300], said[4096];
    size_t more = 0;
    if (size < 2)
        return 0;
    const struct parts_form form = form_of(data[0]);
    const int right = data[1] % 2;
    const uint8_t *const bytes = data + 2;
    strcpy(stpcpy(path, fuzz_dir()), "/answers");
    fuzz_check(!test_write_file(fuzz_dir(), "answers", bytes, size - 2));
    if (output < 0)
        output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    fuzz_capture_begin();
    int code = parts_open(&p, path, 1, &form, inputs);
    const size_t end = code ? 0 : (size_t)p.end, whole = p.whole;
    const int checking = p.checking;
    if (!code) {
        fuzz_check(parts_done(&p) == (whole ? whole - 1 : 0) && p.refused <= whole && end <= size - 2 + HEAD_BYTES);
        code = answer_again(&p, &form, right, &more);
    }
    code = parts_close(&p, code);
    clearerr(stdout);
    fflush(stdout);
    fuzz_check(dup2(output, STDOUT_FILENO) == STDOUT_FILENO);
    const size_t n = fuzz_capture_end(said, sizeof said);
    fuzz_check(code ? n > 1 : !n);
    if (code)
        check_file(path, bytes, size - 2, size - 2);
    else if (checking)
        check_file(path, bytes, end < size - 2 ? end : size - 2, end + more);
    fuzz_check(!checking || !whole || (code == 0) == right);
    return 0;
}
