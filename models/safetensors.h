/* The safetensors container (github.com/huggingface/safetensors: 8-byte little-endian header length, JSON header,
   data). One strict reader serves checkpoints and .tern files; it trusts no number it reads. */
#ifndef TERN_SAFETENSORS_H
#define TERN_SAFETENSORS_H

#include "runtime/base/status.h"

enum tern_dtype { TERN_F32, TERN_F16, TERN_BF16, TERN_I64, TERN_I32, TERN_I16, TERN_I8, TERN_U8, TERN_BOOL, TERN_F64 };

enum { TERN_MAX_DIMS = 8, TERN_MAX_TENSORS = 65536, TERN_MAX_TENSOR_NAME = 512 /* bytes */ };

/* One tensor: a view into the file's bytes. `name` and `shape` are owned by the container. */
struct tern_tensor {
    const char *name;
    enum tern_dtype dtype;
    int n_dims;
    int64_t shape[TERN_MAX_DIMS];
    const void *data; /* shape's product of elements; aligned as the file has it (64 bytes in a .tern file) */
    size_t bytes;
};

struct tern_safetensors {
    const uint8_t *file;
    size_t file_bytes;
    struct tern_tensor *tensors; /* in the order of their data */
    size_t n_tensors;
    uint32_t *slots; /* [mask + 1] a hash table of their names: 0, or the tensor's number + 1 */
    uint32_t mask;
    char *names; /* the tensors' */
    void *json;  /* the metadata (json_t *), or NULL */
};

/* Parses and checks the container in bytes[size]: header length within the file and at most 100 MB, strict JSON with
   no duplicate keys, known dtypes, offsets that ascend without overlap or holes and end at the file's end, sizes equal
   to shape x dtype. `label` names the file in messages. The bytes must outlive *out. TERN_FORMAT, TERN_NOMEM. */
tern_status tern_safetensors_open(struct tern_safetensors *out, const void *bytes, size_t size, const char *label,
                                  tern_error *err);
void tern_safetensors_close(struct tern_safetensors *st);

/* NULL when there is no such tensor. */
const struct tern_tensor *tern_safetensors_find(const struct tern_safetensors *st, const char *name);
/* The value of a __metadata__ key, or NULL. */
const char *tern_safetensors_metadata(const struct tern_safetensors *st, const char *key);

/* Whether a name is empty, too long, or has control characters, which would break the one-line messages and listings
   that names appear in. */
int tern_tensor_name_is_bad(const char *name);

size_t tern_dtype_bytes(enum tern_dtype dtype);
const char *tern_dtype_name(enum tern_dtype dtype);

#endif
