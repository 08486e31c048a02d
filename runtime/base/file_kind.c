/* Tells files that are mistaken for others by their first bytes: pointers of Git LFS, error pages, archives, other
   engines' models, text in UTF-16. */
#include "runtime/base/file_kind.h"

#include <string.h>

#define AS_FAILED "its download or copy failed, fetch it again"
#define AS_ORIGINAL "convert the checkpoint that it was made from"
#define AS_UTF16 "is text in UTF-16"
#define AS_UTF8 "make it UTF-8 with `iconv -f UTF-16 -t UTF-8`"
#define AS_CHECKPOINT "run `tern convert` on its checkpoint's folder, where it is called pytorch_model.bin"
#define AS_SAFETENSORS "in Python, load it with transformers and save with model.save_pretrained(dir)"

// clang-format off
/* What files of these kinds begin with; of text the case of letters does not count, nor white space before it. */
static const struct {
    const char *bytes;
    size_t n;
    int is_text;
    struct tern_file_kind kind;
} signatures[] = {
#define STARTS(bytes, is_text, is, remedy) {bytes, sizeof bytes - 1, is_text, {is, remedy}}
    STARTS("version https://git-lfs", 0, "is a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"),
    STARTS("<!doctype html", 1, "is an HTML page, not the file itself", AS_FAILED),
    STARTS("<html", 1, "is an HTML page, not the file itself", AS_FAILED),
    STARTS("<?xml", 1, "is an XML document, not the file itself", AS_FAILED),
    STARTS("PK\3\4", 0, "is a zip archive, such as torch.save writes", AS_CHECKPOINT),
    STARTS("\x1f\x8b", 0, "is compressed with gzip", "unpack it with gunzip"),
    STARTS("BZh", 0, "is compressed with bzip2", "unpack it with bunzip2"),
    STARTS("\3757zXZ", 0, "is compressed with xz", "unpack it with unxz"),
    STARTS("\x28\xb5\x2f\xfd", 0, "is compressed with zstd", "unpack it with unzstd"),
    STARTS("GGUF", 0, "is a GGUF model of llama.cpp", AS_ORIGINAL),
    STARTS("\x89HDF\r\n\x1a\n", 0, "is an HDF5 file, such as TensorFlow's weights", AS_SAFETENSORS),
    STARTS("\xef\xbb\xbf", 0, "begins with a byte order mark", "save it as UTF-8 without one"),
    STARTS("\xff\xfe", 0, AS_UTF16, AS_UTF8),
    STARTS("\xfe\xff", 0, AS_UTF16, AS_UTF8),
#undef STARTS
};
// clang-format on

static const struct tern_file_kind empty = {"is empty", AS_FAILED},
                                   pickle = {"is a Python pickle, such as torch.save writes", AS_CHECKPOINT},
                                   utf16 = {AS_UTF16, AS_UTF8}, onnx = {"is an ONNX model", AS_ORIGINAL};

static int starts(const uint8_t *at, size_t n, const char *with, size_t length, int any_case)
{
    if (n < length)
        return 0;
    for (size_t i = 0; i < length; i++) {
        const uint8_t c = any_case && at[i] >= 'A' && at[i] <= 'Z' ? (uint8_t)(at[i] - 'A' + 'a') : at[i];
        if (c != (uint8_t)with[i])
            return 0;
    }
    return 1;
}

/* A safetensors file may begin with any two bytes, those of its header's length; the header is under 4 GiB. */
static int is_safetensors(const uint8_t *at, size_t n)
{
    return n >= 9 && !(at[4] | at[5] | at[6] | at[7]) && at[8] == '{';
}

/* Two characters of ASCII, each in two bytes, the low one first (0) or last (1). */
static int is_utf16(const uint8_t *at, size_t n, int low)
{
    return n >= 4 && at[low] >= '\t' && at[low] < 0x7f && at[low + 2] >= '\t' && at[low + 2] < 0x7f && !at[1 - low] &&
           !at[3 - low];
}

/* ONNX has no signature: a protobuf message whose first field is the small number ir_version (1), followed by the
   producer's name (2), the domain (4) or a graph (7), all of which are length-delimited. */
static int is_onnx(const uint8_t *at, size_t n)
{
    return n >= 4 && at[0] == 0x08 && at[1] >= 3 && at[1] <= 32 && (at[2] == 0x12 || at[2] == 0x22 || at[2] == 0x3a);
}

const struct tern_file_kind *tern_file_kind(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    size_t blank = 0;

    if (n == 0)
        return &empty;
    if (is_safetensors(at, n))
        return NULL;
    while (blank < n && (at[blank] == ' ' || at[blank] == '\t' || at[blank] == '\n' || at[blank] == '\r'))
        blank++;
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const size_t skip = signatures[i].is_text ? blank : 0;
        if (starts(at + skip, n - skip, signatures[i].bytes, signatures[i].n, signatures[i].is_text))
            return &signatures[i].kind;
    }
    /* Pickles begin with their protocol: 2 to 5 are in use. */
    if (n >= 2 && at[0] == 0x80 && at[1] >= 2 && at[1] <= 5)
        return &pickle;
    if (is_utf16(at, n, 0) || is_utf16(at, n, 1))
        return &utf16;
    return is_onnx(at, n) ? &onnx : NULL;
}

tern_status tern_fail_kind(tern_status status, const void *bytes, size_t n, const char *label, tern_error *err)
{
    const struct tern_file_kind *kind = status == TERN_FORMAT ? tern_file_kind(bytes, n) : NULL;
    return kind ? tern_fail(err, status, "%s: %s; %s", label, kind->is, kind->remedy) : status;
}
