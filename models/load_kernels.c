/* Loads the kernels of convolutions over tokens, and checks that no sum of theirs overflows. */
#include "models/load_kernels.h"

#include "models/format.h"

#include <stdio.h>
#include <stdlib.h>

const int16_t *tern_load_depth(struct tern_loader *l, const char *name, struct tern_shape shape)
{
    char part[96];
    snprintf(part, sizeof part, "%s.q", name);
    const int16_t *q = tern_load_i16(l, part, shape.n * shape.k, -32767);
    for (int j = 0; q && j < shape.n * shape.k; j++)
        if (abs(q[j]) > 32767 / shape.n) {
            tern_load_fail(l, part, "holds a number out of range");
            return NULL;
        }
    return q;
}

void tern_load_value_kernels(struct tern_loader *l, struct tern_layer *layer, const char *name, struct tern_shape shape)
{
    char part[96];
    snprintf(part, sizeof part, "%s.q", name);
    const int16_t *q = tern_load_i16(l, part, shape.n * shape.k, -32767);
    snprintf(part, sizeof part, "%s.param", name);
    const struct tern_table_param *p = tern_load_params(l, part);
    if (!q || !p)
        return;
    int fits = p->up >= 0 && p->up <= 14;
    for (int head = 0; fits && head < shape.n; head++) {
        int32_t all = 1 << p->up;
        for (int k = 0; k < shape.k; k++)
            all += abs(q[head * shape.k + k]);
        fits = all <= 1 << 15;
    }
    if (!fits)
        tern_load_fail(l, part, "holds a number out of range");
    layer->conv_value = q;
    layer->conv_bits = p->up;
}
