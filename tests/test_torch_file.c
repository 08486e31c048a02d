/* Files of torch.save that lie: pickles that want to run code, that nest, repeat and count without end, storages that
   are elsewhere. Each gives one line that names what is wrong, within memory that the file's size bounds. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
#include "quant/pickle.h"
#include "quant/torch_file.h"
#include "tests/make_checkpoint.h"
#include "tests/malloc_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/emulated.h"

#define GOLDEN "tests/golden/torch/" /* by tests/golden/make_torch_files.py */

/* A file of the old format around a pickle. */
#define START "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s."
#define NO_STORAGES "\x80\x02]."
#define ONE_STORAGE                                                                                                    \
    "\x80\x02]U\x01"                                                                                                   \
    "0a."
#define FOUR_FLOATS "\x04\0\0\0\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@"

/* {"w": tensor}, of storage "0" with four floats. */
#define STORAGE                                                                                                        \
    "(U\x07storagectorch\nFloatStorage\nU\x01"                                                                         \
    "0U\x03"                                                                                                           \
    "cpuK\x04NtQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define TENSOR(offset, shape, strides) REBUILD "(" STORAGE offset shape strides "\x89}tR"
#define DICT(tensor) "\x80\x02}U\x01w" tensor "s."

static tern_status open_bytes(struct tern_torch_file *out, const void *bytes, size_t size, tern_error *err)
{
    /* a copy without room around it, for the sanitizers */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    const tern_status status = tern_torch_open(out, copy, size, "x.bin", err);
    if (status) {
        assert_null(out->tensors);
        assert_null(out->names);
        assert_null(out->copies);
        assert_int_equal(err->code, status);
        assert_memory_equal(err->message, status == TERN_FORMAT ? "x.bin: " : "out of ", 7);
    }
    free(copy);
    return status;
}

/* ---- Pickles ---- */

static const struct {
    const char *bytes;
    size_t n;
    const char *says; /* NULL: it is read */
} cases[] = {
#define WITH(pickle, rest, says)                                                                                       \
    {                                                                                                                  \
        START pickle rest, sizeof(START pickle rest) - 1, says                                                         \
    }
#define CASE(pickle, says) WITH(pickle, NO_STORAGES, says)
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")), ONE_STORAGE FOUR_FLOATS, NULL),
    WITH(DICT(TENSOR("K\0", "K\x02K\x02\x86", "K\x01K\x02\x86")), ONE_STORAGE FOUR_FLOATS, NULL),
    WITH(DICT(TENSOR("K\x03", ")", ")")), ONE_STORAGE FOUR_FLOATS, NULL),
    /* an OrderedDict as Python 2 wrote it, with lists and with tuples */
    WITH("\x80\x02"
         "ccollections\nOrderedDict\n](]U\x01wa" TENSOR("K\0", "K\x04\x85", "K\x01\x85") "ae\x85R.",
         ONE_STORAGE FOUR_FLOATS, NULL),
    WITH("\x80\x02"
         "ccollections\nOrderedDict\n](](U\x01w" TENSOR("K\0", "K\x04\x85", "K\x01\x85") "ee\x85R.",
         ONE_STORAGE FOUR_FLOATS, NULL),
    /* code */
    CASE("\x80\x02"
         "cos\nsystem\nU\x02id\x85R.",
         "would import os.system, which"),
    CASE("\x80\x02"
         "cposix\nsystem\nU\x02id\x85R.",
         "would import posix.system"),
    CASE("\x80\x02"
         "c__builtin__\neval\nU\x01"
         "1\x85R.",
         "would import __builtin__.eval"),
    CASE("\x80\x04\x8c\x08"
         "builtins\x94\x8c\x04"
         "exec\x94\x93\x94\x8c\x01"
         "1\x85R.",
         "would import builtins.exec"),
    CASE("\x80\x02"
         "ctorch\nload\n.",
         "would import torch.load"),
    CASE("\x80\x02"
         "ctorch._utils\n_rebuild_qtensor\n.",
         "torch._utils._rebuild_qtensor"),
    /* a type of tensors, of which it was said that it is no part of a tensor */
    CASE("\x80\x02"
         "ctorch\nComplexFloatStorage\n.",
         "would import torch.ComplexFloatStorage, which is not supported"),
    CASE("\x80\x02"
         "ccollections\nOrderedDict.x\n.",
         "collections.OrderedDict.x"),
    CASE("\x80\x02"
         "cos\nsys",
         "no end"),
    CASE("\x80\x02(S'id'\nios\nsystem\n.", "opcode 0x53"),
    CASE("\x80\x02(U\x02idios\nsystem\n.", "opcode 0x69"),
    CASE("\x80\x02\x82\x01.", "opcode 0x82"), /* a registered extension */
    CASE("\x80\x02)\x81.", "opcode 0x81"),    /* NEWOBJ */
    CASE("\x80\x02"
         "ctorch\nFloatStorage\n)R.",
         "the class torch.FloatStorage, which it may only name"),
    CASE("\x80\x02K\x01)R.", "calls what is no function"),
    CASE("\x80\x02"
         "ccollections\nOrderedDict\nK\x01R.",
         "calls what is no function"),
    CASE("\x80\x02"
         "ccollections\nOrderedDict\nK\x01\x85R.",
         "no list"),
    CASE("\x80\x02"
         "ccollections\nOrderedDict\n]K\x01"
         "a\x85R.",
         "pairs"),
    CASE("\x80\x02"
         "ctorch._utils\n_rebuild_parameter\n)R.",
         "parameter"),
    CASE("\x80\x02"
         "ctorch._utils\n_rebuild_parameter\nK\x01\x85R.",
         "parameter"),
    CASE("\x80\x02}]b.", "sets other attributes"),
    CASE("\x80\x02K\x01}b.", "sets other attributes"),
    CASE("\x80\x02}}U\x01xK\x01sb.", "sets other attributes"),
    CASE("\x80\x02}}U\x09_metadataK\x01sb.", "no tensor in it"),
    CASE("\x80\x02K\x01Q.", "persistent id"),
    CASE("\x80\x02K\x01K\x02\x93.", "a name is no string"),
    /* stack and memo */
    CASE(".", "stack is empty"),
    CASE("\x80\x02"
         "0.",
         "stack is empty"),
    CASE("\x80\x02(.", "stack is empty"),
    CASE("\x80\x02K\x01K\x02.", "1 values are left"),
    CASE("\x80\x02t.", "no mark"),
    CASE("\x80\x02u.", "no mark"),
    CASE("\x80\x02(K\x01u.", "fills no dictionary"),
    CASE("\x80\x02}(K\x01u.", "fills no dictionary"),
    CASE("\x80\x02](K\x01K\x02u.", "fills no dictionary"),
    CASE("\x80\x02}(K\x01"
         "e.",
         "fills no list"),
    CASE("\x80\x02}K\x01"
         "a.",
         "fills no list"),
    CASE("\x80\x02\x85.", "stack is empty"),
    CASE("\x80\x02(\x85.", "stack is empty"),
    CASE("\x80\x02q\0.", "stack is empty"),
    CASE("\x80\x02h\0.", "place 0 of its memo"),
    CASE("\x80\x02]r\xff\xff\xff\x7f.", "place 2147483647 in its memo"),
    CASE("\x80\x02]j\xff\xff\xff\xff.", "place 4294967295 of its memo"),
    CASE("\x80\x01].", "protocol 1"),
    CASE("\x80\x06].", "protocol 6"),
    CASE("\x80\x02X\xff\xff\xff\xff.", "no end"),
    CASE("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "no end"),
    CASE("\x80\x02\x8b\xff\xff\xff\xff.", "no end"),
    /* what every tensor needs */
    CASE("\x80\x02].", "no dictionary of tensors"),
    CASE("\x80\x02}.", "no tensor in it"),
    CASE("\x80\x02}U\x01w]s.", "no tensor in it"),
    CASE(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")), "storage 0 is missing"),
    CASE(DICT(REBUILD "()tR"), "tensor w: not the arguments"),
    CASE(DICT(REBUILD ")R"), "tensor w: not the arguments"),
    WITH(DICT(TENSOR("K\x01", "K\x04\x85", "K\x01\x85")), ONE_STORAGE FOUR_FLOATS,
         "tensor w: lies outside of its storage of 4"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x02\x85")), ONE_STORAGE FOUR_FLOATS, "outside of its storage"),
    WITH(DICT(TENSOR("K\x04", ")", ")")), ONE_STORAGE FOUR_FLOATS, "outside of its storage"),
    WITH(DICT(TENSOR("J\xff\xff\xff\xff", ")", ")")), ONE_STORAGE FOUR_FLOATS, "not the arguments"),
    WITH(DICT(TENSOR("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", ")", ")")), ONE_STORAGE FOUR_FLOATS, "outside of its"),
    /* Empty ones were refused, and the whole file with them. */
    WITH(DICT(TENSOR("K\0", "K\0\x85", "K\x01\x85")), ONE_STORAGE FOUR_FLOATS, NULL),
    WITH(DICT(TENSOR("K\x04", "K\x02K\0\x86", "K\x01K\x01\x86")), ONE_STORAGE FOUR_FLOATS, NULL),
    WITH(DICT(TENSOR("K\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\0\x86", "K\x01K\x01\x86")),
         ONE_STORAGE FOUR_FLOATS, NULL),
    WITH(DICT(TENSOR("K\0", "J\xff\xff\xff\xff\x85", "K\x01\x85")), ONE_STORAGE FOUR_FLOATS, "dimension 0"),
    WITH(DICT(TENSOR("K\0", "K\x01\x85", "J\xff\xff\xff\xff\x85")), ONE_STORAGE FOUR_FLOATS, "negative"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", ")")), ONE_STORAGE FOUR_FLOATS, "not the arguments"),
    WITH(DICT(TENSOR("K\0",
                     "("
                     "K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
                     "("
                     "K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
         ONE_STORAGE FOUR_FLOATS, "9 dimensions"),
    WITH(DICT(REBUILD "(" STORAGE "K\0))\x89}}U\x03negI01\nstR"), ONE_STORAGE FOUR_FLOATS, "opcode 0x49"),
    WITH(DICT(REBUILD "(" STORAGE "K\0))\x89}}U\x03neg\x88stR"), ONE_STORAGE FOUR_FLOATS,
         "tensor w: has torch's metadata"),
    WITH(DICT(REBUILD "(" STORAGE "K\0))\x89}NtR"), ONE_STORAGE FOUR_FLOATS, NULL),
    /* the last of five elements, 2^62 apart, is the first in 64 bits */
    WITH(DICT(TENSOR("K\0", "K\x05\x85", "\x8a\x08\0\0\0\0\0\0\0\x40\x85")), ONE_STORAGE FOUR_FLOATS,
         "outside of its storage"),
    /* expanded: a stride of 0 makes any size of four floats */
    WITH(DICT(TENSOR("K\0", "J\0\0\0\x01\x85", "K\0\x85")), ONE_STORAGE FOUR_FLOATS, ".contiguous()"),
    WITH(DICT(TENSOR("K\0", "\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86", "K\0K\0\x86")),
         ONE_STORAGE FOUR_FLOATS, "overflows"),
    /* storages */
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")),
         ONE_STORAGE "\x03\0\0\0\0\0\0\0"
                     "............",
         "file is truncated"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")),
         ONE_STORAGE "\x03\0\0\0\0\0\0\0"
                     "................",
         "has 3 elements"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")), ONE_STORAGE FOUR_FLOATS "x", "1 bytes follow"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")),
         "\x80\x02]U\x01"
         "1a." FOUR_FLOATS,
         "that of no tensor"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")),
         "\x80\x02]U\x01"
         "0aU\x01"
         "0a." FOUR_FLOATS FOUR_FLOATS,
         "twice"),
    WITH(DICT(TENSOR("K\0", "K\x04\x85", "K\x01\x85")), "\x80\x02}.", "list of storages"),
    CASE("\x80\x02(U\x07storagectorch\nFloatStorage\nU\x01"
         "0U\x03"
         "cpuK\x04(U\x01vK\0K\x04ttQ.",
         "view of another"),
    CASE("\x80\x02(U\x06module"
         "ctorch\nFloatStorage\nU\x01"
         "0U\x03"
         "cpuK\x04NtQ.",
         "no storage of torch"),
    CASE("\x80\x02(U\x07storageccollections\nOrderedDict\nU\x01"
         "0U\x03"
         "cpuK\x04NtQ.",
         "no storage of torch"),
    CASE("\x80\x02)Q.", "no storage of torch"),
    CASE("\x80\x02" STORAGE "(U\x07storagectorch\nHalfStorage\nU\x01"
         "0U\x03"
         "cpuK\x04NtQ\x86.",
         "two sizes or types"),
    /* names */
    WITH("\x80\x02}U\x01\x01" TENSOR("K\0", ")", ")") "s.", ONE_STORAGE FOUR_FLOATS, "control characters"),
    WITH("\x80\x02}U\x01\xff" TENSOR("K\0", ")", ")") "s.", ONE_STORAGE FOUR_FLOATS, "no text"),
    WITH("\x80\x02}U\0" TENSOR("K\0", ")", ")") "s.", ONE_STORAGE FOUR_FLOATS, "empty"),
    WITH("\x80\x02}U\x02"
         "a\0" TENSOR("K\0", ")", ")") "s.",
         ONE_STORAGE FOUR_FLOATS, "no text"),
    WITH("\x80\x02}K\x01" TENSOR("K\0", ")", ")") "s.", ONE_STORAGE FOUR_FLOATS, "no text"),
    WITH("\x80\x02}U\x01w" TENSOR("K\0", ")", ")") "sU\x01vK\x01s.", ONE_STORAGE FOUR_FLOATS, "tensor v: no tensor"),
    WITH("\x80\x02}K\x01}U\x01w" TENSOR("K\0", ")", ")") "ss.", ONE_STORAGE FOUR_FLOATS, "member \"?\""),
#undef CASE
#undef WITH
    /* around the pickle */
    {"\x80\x02K\x01.", 5, "no file of torch.save"},
    {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe8\x03.", 21, "1001"},
    {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.", 25, "byte order"},
    {"PK\3\4", 4, "file is truncated"},
    {"PK\3\4PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 26, "has no entries"},
    {"", 0, "is empty"},
    {"GGUF\3\0\0\0", 8, "GGUF"},
    {"{\"a\": 1}", 8, "neither a zip archive nor a pickle"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tern_torch_file file;
        tern_error err = {.message = ""};
        const tern_status status = open_bytes(&file, cases[i].bytes, cases[i].n, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("case %zu: %d %s; expected %s", i, (int)status, err.message, cases[i].says ? cases[i].says : "it");
        tern_torch_close(&file);
    }
}

/* A view's elements are those that torch would see, in its order. */
static void test_transposed(void **state)
{
    static const char bytes[] = START DICT(TENSOR("K\0", "K\x02K\x02\x86", "K\x01K\x02\x86")) ONE_STORAGE FOUR_FLOATS;
    static const float expected[4] = {1, 3, 2, 4};
    struct tern_torch_file file;
    tern_error err;
    (void)state;
    assert_int_equal(tern_torch_open(&file, (const uint8_t *)bytes, sizeof bytes - 1, "x", &err), TERN_OK);
    assert_int_equal(file.n_tensors, 1);
    assert_string_equal(file.tensors[0].name, "w");
    assert_int_equal(file.tensors[0].n_dims, 2);
    assert_int_equal(file.tensors[0].bytes, 16);
    assert_memory_equal(file.tensors[0].data, expected, sizeof expected);
    tern_torch_close(&file);
}

/* ---- Bombs ---- */

struct bomb {
    uint8_t bytes[400000];
    size_t n;
};

static void add(struct bomb *b, const char *text, size_t n)
{
    assert_true(b->n + n <= sizeof b->bytes);
    memcpy(b->bytes + b->n, text, n);
    b->n += n;
}
#define ADD(text) add(&b, text, sizeof(text) - 1)

/* Depth costs nothing; ten lists in ten lists in ten ... are a hundred references; a list that is made into
   dictionaries again and again stops at the pickle's length; a long key that many storages share is not compared, which
   took minutes for five megabytes. */
static void test_bombs(void **state)
{
    static struct bomb b;
    struct tern_torch_file file;
    tern_error err;

    (void)state;
    b.n = 0;
    ADD(START "\x80\x02");
    for (int i = 0; i < 100000; i++)
        ADD("](");
    ADD("." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    b.n = 0;
    ADD(START "\x80\x02)");
    for (int i = 0; i < 100000; i++)
        ADD("\x85");
    ADD("." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "no dictionary of tensors"));
    b.n = 0;
    ADD(START "\x80\x02}");
    for (int i = 0; i < 20000; i++)
        ADD("(22222222t");
    ADD("." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    b.n = 0;
    ADD(START "\x80\x02"
              "ccollections\nOrderedDict\nq\x01](");
    for (int i = 0; i < 20000; i++)
        ADD("]K\x01"
            "a2a");
    for (int i = 0; i < 20000; i++)
        ADD("(K\x01K\x02t");
    ADD("e\x85q\x02"
        "0");
    for (int i = 0; i < 20000; i++)
        ADD("h\x01h\x02R0");
    ADD("}." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    b.n = 0;
    ADD(START "\x80\x02"
              "ccollections\nOrderedDict\nq\x01](");
    for (int i = 0; i < 20000; i++)
        ADD("(K\x01K\x02t");
    ADD("e\x85q\x02"
        "0");
    for (int i = 0; i < 20000; i++)
        ADD("h\x01h\x02R0");
    ADD("}." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "more members than it has bytes"));
    b.n = 0;
    ADD(START "\x80\x02(U\x07storagectorch\nFloatStorage\nT\0\0\1\0");
    for (int i = 0; i < 65536; i++)
        ADD("k");
    ADD("U\x03"
        "cpuK\x04Ntq\0Q0");
    for (int i = 0; i < 80000; i++)
        ADD("h\0Q0");
    ADD("}." NO_STORAGES);
    assert_int_equal(open_bytes(&file, b.bytes, b.n, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "no storage of torch"));
}

/* ---- Real files, damaged ---- */

/* Hands each of them to a test; they are the test's to change. */
static void for_each_file(void (*test)(const char *name, char *bytes, size_t size))
{
    static const char *const names[] = {"zip.bin", "legacy.bin", "zip-views.bin", "protocol4.bin", "empty.bin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[100];
        size_t size;
        snprintf(path, sizeof path, GOLDEN "%s", names[i]);
        char *bytes = test_read_file(path, &size);
        assert_non_null(bytes);
        test(names[i], bytes, size);
        free(bytes);
    }
}

/* Every truncation is refused; a flipped byte never crashes (and may go unseen in a weight). */
static void damage(const char *name, char *bytes, size_t size)
{
    struct tern_torch_file file;
    tern_error err;
    assert_int_equal(open_bytes(&file, bytes, size, &err), TERN_OK);
    tern_torch_close(&file);
    const size_t stride = (size_t)stride_emulated(7);
    for (size_t n = 0; n < size; n += stride)
        if (open_bytes(&file, bytes, n, &err) != TERN_FORMAT)
            fail_msg("%s: %zu of %zu bytes are read", name, n, size);
    for (size_t i = 0; i < size; i += stride) {
        const char old = bytes[i];
        bytes[i] = (char)(old ^ (1 << i % 8));
        (void)open_bytes(&file, bytes, size, &err);
        tern_torch_close(&file);
        bytes[i] = (char)0xff;
        (void)open_bytes(&file, bytes, size, &err);
        tern_torch_close(&file);
        bytes[i] = old;
    }
}

static void test_damage(void **state)
{
    (void)state;
    for_each_file(damage);
}

/* Archives that other programs packed, or that other machines wrote: the first record of the directory, at PK\1\2, or
   another entry's bytes are changed. */
static void test_zip(void **state)
{
    static const struct {
        const char *find;
        size_t bytes, at; /* of what is found, the first time; and what is changed behind it */
        const char *to;
        size_t to_bytes;
        const char *says;
    } changes[] = {
        {"PK\1\2", 4, 8, "\1\0", 2, "is encrypted"},
        {"PK\1\2", 4, 10, "\x08\0", 2, "is compressed, which torch.save never does"},
        {"PK\1\2", 4, 20, "\1\0\0\0", 4, "is compressed"},
        {"PK\1\2", 4, 20, "\xff\xff\xff\x7f\xff\xff\xff\x7f", 8, "does not lie in the file"},
        {"PK\1\2", 4, 24, "\xff\xff\xff\xff", 4, "has no zip64 numbers"},
        {"PK\1\2", 4, 42, "\xff\xff\xff\x7f", 4, "does not lie in the file"},
        {"PK\5\6", 4, 10, "\0\0", 2, "the zip archive has no entries"},
        {"PK\5\6", 4, 16, "\xff\xff\xff\x7f", 4, "directory does not lie in the file"},
        {"PK\6\7", 4, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "end record is not where it should be"},
        {"little", 6, 0, "bigend", 6, "byte order is not little-endian"},
    };
    size_t size;
    char *bytes = test_read_file(GOLDEN "zip.bin", &size);
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct tern_torch_file file;
        tern_error err = {.message = ""};
        char *copy = malloc(size), *at = NULL;
        memcpy(copy, bytes, size);
        if (!strncmp(changes[i].find, "PK\5\6", 4)) /* the numbers of the first end record count without a locator */
            memset(memmem(copy, size, "PK\6\7", 4), 0, 4);
        at = memmem(copy, size, changes[i].find, changes[i].bytes);
        assert_non_null(at);
        memcpy(at + changes[i].at, changes[i].to, changes[i].to_bytes);
        if (open_bytes(&file, copy, size, &err) != TERN_FORMAT || !strstr(err.message, changes[i].says))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, err.message, changes[i].says);
        free(copy);
    }
    free(bytes);
}

/* Each allocation may fail, and nothing stays. */
static void fail_each(const char *name, char *bytes, size_t size)
{
    const long live = atomic_load(&malloc_live);
    struct tern_torch_file file;
    tern_error err;
    tern_status status = TERN_NOMEM;
    long at = 0;
    (void)name;
    for (; status == TERN_NOMEM; at++) {
        atomic_store(&malloc_fail_at, at);
        status = tern_torch_open(&file, (uint8_t *)bytes, size, "x.bin", &err);
        atomic_store(&malloc_fail_at, -1);
        if (status == TERN_OK)
            tern_torch_close(&file);
        assert_int_equal(atomic_load(&malloc_live), live);
    }
    assert_int_equal(status, TERN_OK);
    assert_true(at > 5);
}

static void test_memory(void **state)
{
    (void)state;
    for_each_file(fail_each);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_transposed), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_damage), cmocka_unit_test(test_zip),        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
