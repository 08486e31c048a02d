/* Builds a .tern file: tensors first, then the container with its checksum. Host side. */
#ifndef TERN_BUILDER_H
#define TERN_BUILDER_H

#include "models/safetensors.h"

#include <stdio.h>

struct tern_builder;

tern_status tern_builder_open(struct tern_builder **out, tern_error *err);
void tern_builder_close(struct tern_builder *builder); /* accepts NULL */

/* A zeroed tensor to fill in, owned by the builder; its size must be a multiple of 64. NULL when out of memory, and
   then tern_builder_finish fails too, so that callers may check once. */
void *tern_builder_add(struct tern_builder *builder, const char *name, enum tern_dtype dtype, int n_dims,
                       const int64_t *shape);
/* The bytes of such a tensor; SIZE_MAX when they cannot be counted. */
size_t tern_builder_tensor_bytes(enum tern_dtype dtype, int n_dims, const int64_t *shape);
void tern_builder_metadata(struct tern_builder *builder, const char *key, const char *value);

/* Lays the header out, computes the checksum. After it tern_builder_bytes is the size of the file. */
tern_status tern_builder_finish(struct tern_builder *builder, tern_error *err);
size_t tern_builder_bytes(const struct tern_builder *builder);
/* The whole file into out[bytes], or onto a stream. */
void tern_builder_copy(const struct tern_builder *builder, uint8_t *out);
tern_status tern_builder_write(const struct tern_builder *builder, FILE *stream, tern_error *err);

#endif
