/* Makes tables of positions: angles' cosines and sines, and biases by distance. */
#include "quant/position_tables.h"

#include "quant/distances.h"
#include "quant/tensor_numbers.h"

#include <math.h>

/* table[positions][2 half] */
static void make_rotary(const struct tern_table_spec *t, int positions, float *table)
{
    for (int p = 0; p < positions; p++, table += 2 * t->half)
        for (int i = 0; i < t->half; i++) {
            const double angle = p * pow(t->theta, -(double)i / t->half) * t->scaling;
            table[i] = (float)cos(angle);
            table[i + t->half] = (float)sin(angle);
        }
}

/* The same of a tensor [positions][sines, cosines]. */
static void take_rotary(const struct tern_table_spec *t, int positions, const struct tern_tensor *tensor, float *table)
{
    for (int i = 0; i < positions * 2 * t->half; i++) {
        const int column = i % (2 * t->half), other = (column + t->half) % (2 * t->half);
        table[i] = (float)tern_tensor_number(tensor, (size_t)(i - column + other));
    }
}

/* T5's buckets, as MPNet has them: half for keys behind the query; of these the first half for each distance, the rest
   for distances that grow by a factor each, in float32 as PyTorch computes them. */
static int bucket_of(const struct tern_table_spec *t, int distance)
{
    const int side = t->buckets / 2, exact = side / 2, far = distance < 0 ? -distance : distance;
    int bucket = far;
    if (far >= exact) {
        const float grown = logf((float)far / (float)exact) / (float)log((double)t->far / exact);
        bucket = exact + (int)(grown * (float)(side - exact));
        bucket = bucket < side ? bucket : side - 1;
    }
    return bucket + (distance > 0 ? side : 0);
}

/* bias[heads][2 positions - 1] of a tensor [buckets][heads]. */
static void make_bias(const struct tern_table_spec *t, int positions, const struct tern_tensor *tensor, float *out)
{
    for (int head = 0; head < t->heads; head++)
        for (int distance = 1 - positions; distance < positions; distance++)
            *out++ = (float)tern_tensor_number(tensor, (size_t)(bucket_of(t, distance) * t->heads + head));
}

/* ALIBI's slopes: a geometric sequence for a power of two of heads; others take those of the largest power of two that
   they have, then every other one of the next power's. */
static void make_slopes(int heads, float *slope)
{
    int power = 1;
    while (2 * power <= heads)
        power *= 2;
    for (int h = 0; h < heads; h++)
        slope[h] = (float)pow(2, h < power ? -8.0 * (h + 1) / power : -4.0 * (2 * (h - power) + 1) / power);
}

/* The rows of distances, by keys minus queries. */
static void make_rows(const struct tern_table_spec *t, int positions, float *out)
{
    for (int distance = 1 - positions; distance < positions; distance++)
        *out++ = (float)tern_distance_row(t, distance);
}

tern_status tern_position_table_make(const struct tern_config *config, int table, const struct tern_tensor *t,
                                     const char *path, float *out, size_t count, tern_error *err)
{
    const struct tern_table_spec *spec = &config->table[table];
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[TERN_PART_POSITION_TABLE], table);
    if (count != (size_t)shape.n * (size_t)shape.k || ((spec->kind == TERN_POSITION_BIAS || spec->given) && !t))
        return tern_fail(err, TERN_FORMAT, "%s: table of positions %d has not the %zu floats asked for", path, table,
                         count);
    if (spec->kind == TERN_POSITION_ALIBI)
        make_slopes(spec->heads, out);
    else if (spec->kind == TERN_POSITION_DISENTANGLED)
        make_rows(spec, config->max_positions, out);
    else if (spec->given)
        take_rotary(spec, config->max_positions, t, out);
    else if (spec->kind == TERN_POSITION_ROTARY)
        make_rotary(spec, config->max_positions, out);
    else
        make_bias(spec, config->max_positions, t, out);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return tern_fail(err, TERN_FORMAT, "%s: a number of a table of positions is not finite", path);
    return TERN_OK;
}
