/* Vectors in NumPy's format (numpy.lib.format): versions 1 to 3 are read from files of others, 1 is written. */
#ifndef TERN_NPY_H
#define TERN_NPY_H

#include "runtime/base/tern.h"

#include <stdio.h>

struct npy {
    FILE *file;
    const char *path; /* the caller's, which must outlive the struct */
    size_t rows, columns;
    int bytes; /* of an element: 2, 4 or 8 */
};

/* Whether the file is named .npy or begins as such files do. */
int npy_is(const char *path);
/* Opens the file and reads its header: little-endian floats of 2, 4 or 8 bytes, row after row. Errors: TERN_IO;
   TERN_INPUT for another type, order or number of dimensions. npy_close in any case. */
tern_status npy_open(struct npy *out, const char *path, tern_error *err);
/* values[rows][columns], doubles rounded. Errors: TERN_INPUT for a number that is not finite (the message names its
   row, from 1), and for a file that ends too early or goes on behind the last row; TERN_IO. */
tern_status npy_read(struct npy *npy, float *values, tern_error *err);
/* Safe on a zeroed struct. */
void npy_close(struct npy *npy);

enum { NPY_HEADER = 128 };
/* Format 1.0: magic, header length, a dict, spaces up to a multiple of 64. `type` is "<f4", say. What differs between
   headers of one type, its rows, lies behind the first NPY_SAME bytes. */
enum { NPY_SAME = 10 };
void npy_header(char header[NPY_HEADER + 1], const char *type, size_t rows, size_t columns);

#endif
