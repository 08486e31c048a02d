/* The safetensors reader: what it accepts, and one case for every way a file can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "models/safetensors.h"
#include "runtime/base/file.h"
#include "tests/make_checkpoint.h"
#include "tests/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[256];

/* A container in a block of exactly its size, so that ASan and valgrind see every byte read past it. */
static uint8_t *build(const char *header, size_t header_bytes, size_t data_bytes, size_t *size)
{
    uint8_t *file;
    *size = 8 + header_bytes + data_bytes;
    file = malloc(*size);
    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)header_bytes >> 8 * i);
    memcpy(file + 8, header, header_bytes);
    for (size_t i = 0; i < data_bytes; i++)
        file[8 + header_bytes + i] = (uint8_t)i;
    return file;
}

/* Opens `bytes`; a message must be one line that names the file. */
static tern_status open_bytes(const void *bytes, size_t size, tern_error *err)
{
    struct tern_safetensors st;
    tern_status status;
    memset(err, 0, sizeof *err);
    status = tern_safetensors_open(&st, bytes, size, "some.safetensors", err);
    if (status != TERN_OK) {
        assert_int_equal(err->code, status);
        assert_non_null(strstr(err->message, "some.safetensors"));
        assert_null(strchr(err->message, '\n'));
        assert_null(st.tensors);
        assert_null(st.json);
    }
    tern_safetensors_close(&st);
    return status;
}

static void expect(tern_status expected, const char *header, size_t data_bytes, const char *says)
{
    size_t size;
    uint8_t *file = build(header, strlen(header), data_bytes, &size);
    tern_error err;
    tern_status status = open_bytes(file, size, &err);
    if (status != expected || (says && !strstr(err.message, says)))
        print_error("%s\n -> %d %s\n", header, (int)status, err.message);
    assert_int_equal(status, expected);
    if (says)
        assert_non_null(strstr(err.message, says));
    free(file);
}

#define ENTRY(name, dtype, shape, begin, end)                                                                          \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void test_good(void **state)
{
    /* out of order in the header, sorted by place for the reader; a scalar; white space around */
    const char *header =
        "{ " ENTRY("z", "F32", "[2,3]", 8, 32) ",\n\"__metadata__\":{\"format\":\"pt\",\"k\\u00e9\":\"v\"}, " ENTRY(
            "a", "I64", "[]", 0, 8) "," ENTRY("m.weight", "BF16", "[1,1,1,1,1,1,1,2]", 32, 36) "}   ";
    size_t size;
    uint8_t *file = build(header, strlen(header), 36, &size);
    struct tern_safetensors st;
    const struct tern_tensor *t;
    (void)state;

    assert_int_equal(tern_safetensors_open(&st, file, size, "x", NULL), TERN_OK);
    assert_int_equal(st.n_tensors, 3);
    assert_string_equal(st.tensors[0].name, "a");
    assert_string_equal(st.tensors[1].name, "z");
    assert_string_equal(st.tensors[2].name, "m.weight");
    t = tern_safetensors_find(&st, "z");
    assert_ptr_equal(t, &st.tensors[1]);
    assert_int_equal(t->dtype, TERN_F32);
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->shape[1], 3);
    assert_int_equal(t->bytes, 24);
    assert_int_equal(*(const uint8_t *)t->data, 8);
    assert_int_equal(tern_safetensors_find(&st, "a")->n_dims, 0);
    assert_int_equal(tern_safetensors_find(&st, "a")->bytes, 8);
    assert_int_equal(tern_safetensors_find(&st, "m.weight")->n_dims, 8);
    assert_null(tern_safetensors_find(&st, "__metadata__"));
    assert_null(tern_safetensors_find(&st, ""));
    assert_null(tern_safetensors_find(&st, "zz"));
    assert_string_equal(tern_safetensors_metadata(&st, "format"), "pt");
    assert_string_equal(tern_safetensors_metadata(&st, "k\xc3\xa9"), "v");
    assert_null(tern_safetensors_metadata(&st, "none"));
    tern_safetensors_close(&st);
    tern_safetensors_close(&st); /* a closed container may be closed again */
    free(file);
    expect(TERN_OK, "{}", 0, NULL);
    expect(TERN_OK, "{\"__metadata__\":{}}", 0, NULL);
    for (int i = 0; i <= TERN_F64; i++)
        assert_in_range(tern_dtype_bytes((enum tern_dtype)i), 1, 8);
    assert_string_equal(tern_dtype_name(TERN_BF16), "BF16");
}

static void test_bad_entries(void **state)
{
    (void)state;
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[1]", 0, 4) "," ENTRY("a", "F32", "[1]", 4, 8) "}", 8,
           "duplicate key a");
    expect(TERN_FORMAT, "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate key a");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
           "duplicate");
    expect(TERN_FORMAT, "{\"__metadata__\":{\"a\":1}}", 0, "not a string");
    expect(TERN_FORMAT, "{\"__metadata__\":[]}", 0, "not an object");
    expect(TERN_FORMAT, "{\"__metadata__\":null}", 0, "not an object");
    expect(TERN_FORMAT, "{" ENTRY("", "F32", "[1]", 0, 4) "}", 4, "name");
    expect(TERN_FORMAT, "{" ENTRY("a\\nb", "F32", "[1]", 0, 4) "}", 4, "control");
    expect(TERN_FORMAT, "{\"a\":[]}", 0, "not an object");
    expect(TERN_FORMAT, "{\"a\":{}}", 0, "must have");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1, "nothing else");
    expect(TERN_FORMAT, "{\"a\":{\"dtypo\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype");
    expect(TERN_FORMAT, "{" ENTRY("a", "F8_E4M3", "[1]", 0, 1) "}", 1, "F8_E4M3");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "1", 0, 1) "}", 1, "shape");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, "9 dimensions");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[-1]", 0, 1) "}", 1, "dimension 0 is negative or no integer");
    /* Empty tensors lie between others, or at the end. They were refused. */
    expect(TERN_OK, "{" ENTRY("a", "U8", "[0]", 0, 0) "}", 0, "");
    expect(TERN_OK,
           "{" ENTRY("a", "U8", "[2]", 0, 2) "," ENTRY("b", "F64", "[3,0]", 2, 2) "," ENTRY(
               "c", "U8", "[1]", 2, 3) "," ENTRY("d", "U8", "[0,9223372036854775807,9223372036854775807]", 3, 3) "}",
           3, "");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[2]", 0, 2) "," ENTRY("b", "U8", "[0]", 1, 1) "}", 2, "overlapping");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1.0]", 0, 1) "}", 1, "dimension 0 is negative or no integer");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[\"1\"]", 0, 1) "}", 1, "dimension 0 is negative or no integer");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[99999999999999999999]", 0, 1) "}", 1,
           "dimension 0 is negative or no integer");
    /* 2^32 * 2^32 and 2^62 * 4 wrap to zero in 64 bits, 65536 * 65536 in 32 */
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4294967296,4294967296]", 0, 1) "}", 1, "overflow");
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[4611686018427387904]", 0, 1) "}", 1, "overflow");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[65536,65536]", 0, 1) "}", 1, "tensor a");
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[2]", 0, 4) "}", 4, "need 8");
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[1]", 0, 8) "}", 8, "need 4");
}

static void test_bad_offsets(void **state)
{
    (void)state;
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[1]", 4, 0) "}", 4, "outside");
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[1]", -4, 0) "}", 4, "outside");
    expect(TERN_FORMAT, "{" ENTRY("a", "F32", "[1]", 0, 4) "}", 3, "outside");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1]", 9223372036854775807, 9223372036854775807) "}", 1, "outside");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1]", 4294967296, 4294967297) "}", 1, "outside");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1]", 18446744073709551615, 0) "}", 1, "integers");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[1]", 0.0, 1) "}", 1, "integers");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "two integers");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "two integers");
    expect(TERN_FORMAT, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":1}}", 1, "two integers");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4]", 0, 4) "," ENTRY("b", "U8", "[4]", 2, 6) "}", 6, "overlapping");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4]", 0, 4) "," ENTRY("b", "U8", "[4]", 0, 4) "}", 4, "overlapping");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4]", 0, 4) "," ENTRY("b", "U8", "[4]", 5, 9) "}", 9, "hole");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4]", 1, 5) "}", 5, "hole");
    expect(TERN_FORMAT, "{" ENTRY("a", "U8", "[4]", 0, 4) "}", 5, "5 bytes of data");
    expect(TERN_FORMAT, "{}", 1, "1 bytes of data");
}

static void test_bad_headers(void **state)
{
    static const char *const not_json[] = {
        "{",
        "{}}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{'a':1}",
        "{\"a\":tru}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a",
        "{\"a\\",
        "{\"a\\x\":1}",
        "{\"\\u00\":1}",
        "{\"\\ud800\":1}",
        "{\"\\udc00\":1}",
        "{\"\\ud800\\u0041\":1}",
        "{\"\\u0000\":1}",
        "{\"a\tb\":1}",
        "{\"\xff\":1}",
        "{\"\xc0\x80\":1}",
        "{\"\xed\xa0\x80\":1}",
        "{\"\xf4\x90\x80\x80\":1}",
        "{\"\xe2\x82\":1}",
        "{} x",
        "{}//",
        "{\xef\xbb\xbf}",
    };
    uint8_t few[9] = {0};
    char deep[200] = "{\"a\":";
    tern_error err;
    (void)state;

    for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++)
        expect(TERN_FORMAT, not_json[i], 0, "JSON");
    memset(deep + 5, '[', 100);
    expect(TERN_FORMAT, deep, 0, "deep");
    expect(TERN_FORMAT, "[]", 0, "'{'");
    expect(TERN_FORMAT, " {}", 0, "'{'");
    for (size_t n = 0; n < 8; n++)
        assert_int_equal(open_bytes(few, n, &err), TERN_FORMAT);
    assert_int_equal(open_bytes(NULL, 0, &err), TERN_FORMAT);
    assert_int_equal(open_bytes(few, 8, &err), TERN_FORMAT); /* a header of no bytes */
    few[0] = 1;
    few[8] = '{';
    assert_int_equal(open_bytes(few, 9, &err), TERN_FORMAT);
    few[0] = 2; /* one byte more than there is */
    assert_int_equal(open_bytes(few, 9, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "truncated"));
    memset(few, 0xff, 8); /* 2^64 - 1 */
    assert_int_equal(open_bytes(few, 9, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "limit"));
    memset(few, 0, 8);
    few[4] = 1; /* 2^32: nothing left of it in 32 bits */
    assert_int_equal(open_bytes(few, 9, &err), TERN_FORMAT);
}

static void test_limits(void **state)
{
    const size_t n = 65537;
    char *header = malloc(n * 64 + 600), *at = header, name[700];
    (void)state;

    assert_non_null(header);
    *at++ = '{';
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s\"%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}", i ? "," : "", i, i,
                      i + 1);
    sprintf(at, "}");
    expect(TERN_FORMAT, header, n, "65537 tensors");
    at = strrchr(header, ',') - 40; /* the last entry begins before it: cut it off */
    while (*at != '}')
        at--;
    strcpy(at + 1, "}");
    expect(TERN_OK, header, n - 1, NULL);
    /* two million values that are no tensors */
    at = header + sprintf(header, "{\"a\":[0");
    for (size_t i = 0; i < 2000000; i++)
        at += sprintf(at, ",0");
    strcpy(at, "]}");
    expect(TERN_FORMAT, header, 0, "JSON values");
    for (size_t length = 512; length <= 513; length++) {
        memset(name, 'n', length);
        name[length] = '\0';
        sprintf(header, "{\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", name);
        expect(length == 512 ? TERN_OK : TERN_FORMAT, header, 1, NULL);
    }
    free(header);
}

/* A real file of a few tensors, cut at every length and with every bit of its header flipped. */
static void test_truncated_and_flipped(void **state)
{
    const struct test_checkpoint_spec spec = {
        .layers = 1, .hidden = 8, .heads = 2, .intermediate = 8, .vocab = 8, .max_positions = 4};
    struct tern_mapping map;
    char path[300];
    size_t header, accepted = 0;
    uint8_t *copy;
    tern_error err;
    (void)state;

    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(tern_map_open(&map, path, NULL), TERN_OK);
    assert_int_equal(open_bytes(map.bytes, map.size, &err), TERN_OK);
    header = map.bytes[0] + 256u * map.bytes[1];
    for (size_t n = 0; n < map.size; n++) {
        copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, map.bytes, n);
        assert_int_equal(open_bytes(copy, n, &err), TERN_FORMAT);
        free(copy);
    }
    copy = malloc(map.size + 1);
    assert_non_null(copy);
    memcpy(copy, map.bytes, map.size);
    copy[map.size] = 0;
    assert_int_equal(open_bytes(copy, map.size + 1, &err), TERN_FORMAT);
    for (size_t bit = 0; bit < (8 + header) * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* a flip inside a name, or I32 for F32, leaves a valid container; nothing else does */
        tern_status status = open_bytes(copy, map.size, &err);
        assert_true(status == TERN_OK || status == TERN_FORMAT);
        accepted += status == TERN_OK;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_in_range(accepted, 1, header * 4);
    free(copy);
    tern_map_close(&map);
}

/* Random bytes of JSON's alphabet: nothing but the two statuses, and the sanitizers stay silent. */
static void test_random(void **state)
{
    static const char *const words[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        ":",
                                        ",",
                                        "\"a\"",
                                        "\"dtype\"",
                                        "\"shape\"",
                                        "\"data_offsets\"",
                                        "\"U8\"",
                                        "0",
                                        "1",
                                        "1e9",
                                        "null",
                                        "\"__metadata__\"",
                                        "\"\\ud83d\\ude00\"",
                                        " "};
    struct rng rng = rng_seeded(1, "safetensors");
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char header[400] = "{";
        size_t size;
        uint8_t *file;
        tern_error err;
        for (int64_t n = rng_between(&rng, 1, 24); n > 0; n--)
            strcat(header, words[rng_between(&rng, 0, (int64_t)(sizeof words / sizeof words[0]) - 1)]);
        file = build(header, strlen(header), (size_t)rng_between(&rng, 0, 2), &size);
        tern_status status = open_bytes(file, size, &err);
        assert_true(status == TERN_OK || status == TERN_FORMAT);
        free(file);
    }
}

/* What the JSON reader makes of values; jansson's own refused the second, so model_max_length could not be read. */
static void test_json_values(void **state)
{
    static const struct {
        const char *text;
        double value;
        int is_integer;
    } numbers[] = {
        {"0", 0, 1},
        {"1000000000000000019884624838656", 1e30, 0},
        {"9223372036854775807", 9223372036854775807.0, 1},
        {"9223372036854775808", 9223372036854775808.0, 0},
        {"-9223372036854775808", -9223372036854775808.0, 1},
        {"-9223372036854775809", -9223372036854775808.0, 0},
        {"1e-12", 1e-12, 0},
        {"9.999999960041972e-13", 9.999999960041972e-13, 0},
        {"-0.5E+1", -5, 0},
        {" 12 ", 12, 1},
    };
    json_t *value;
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(tern_json_parse(&value, numbers[i].text, strlen(numbers[i].text), 1, "x", NULL), TERN_OK);
        assert_int_equal(json_is_integer(value), numbers[i].is_integer);
        assert_true(json_number_value(value) == numbers[i].value);
        json_decref(value);
    }
    const char *text =
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\\u0041\xc3\xa9\", true, false, null, {}, []]";
    assert_int_equal(tern_json_parse(&value, text, strlen(text), 7, "x", NULL), TERN_OK);
    assert_string_equal(json_string_value(json_array_get(value, 0)),
                        "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
                        "A\xc3\xa9");
    assert_int_equal(json_array_size(value), 6);
    json_decref(value);
    assert_int_equal(tern_json_parse(&value, text, strlen(text), 6, "x", NULL), TERN_FORMAT);
    assert_null(value);
}

static int make_dir(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_bad_offsets), cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_truncated_and_flipped),
        cmocka_unit_test(test_random),      cmocka_unit_test(test_json_values),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
