/* Stores a layer's dynamic convolution (models/span_conv.h) as integers. */
#include "models/format.h"
#include "models/scheme.h"
#include "quant/store_private.h"

#include <math.h>

/* The depthwise kernels, of which so many times the largest fit 16 bits as there are taps. Returns their unit; *gain
   becomes what the norm of a convolution's row is at most, for rows of norm 1. */
static double store_depth(struct tern_store *s, int taps, double *gain)
{
    const int h = s->config->hidden, count = taps * h;
    double most = 0;
    int16_t *const q = tern_store_add_vector(s, "conv_depth", ".q", TERN_I16, count);
    tern_store_read(s, TERN_PART_CONV_DEPTH, 0, s->matrix, (size_t)count);
    *gain = 0;
    if (s->status)
        return 1;
    for (int t = 0; t < taps; t++) {
        double of_tap = 0;
        for (int j = 0; j < h; j++)
            of_tap = fmax(of_tap, fabs((double)s->matrix[(ptrdiff_t)t * h + j]));
        *gain += of_tap;
        most = fmax(most, of_tap);
    }
    const double unit = most > 0 ? most / (32767 / taps) : 1;
    for (int i = 0; i < count; i++)
        q[i] = (int16_t)rint((double)s->matrix[i] / unit);
    return unit;
}

double tern_store_conv(struct tern_store *s, double y_unit, double y_norm, const float *query, double q_unit)
{
    const struct tern_layer_spec *spec = &s->config->layer[s->layer];
    const int a = tern_attention_width(spec);
    const double out_unit = tern_store_linear(s, TERN_PART_CONV_OUT, &s->normed, 0);
    double gain, product2 = 0, most = 0;
    const double depth_unit = store_depth(s, spec->conv, &gain);
    const struct tern_input rows = {.unit = y_unit * depth_unit, .norm = TERN_SLACK * gain * y_norm, .most = 0x1p30};
    float *const key = s->bounds + a;
    s->bound = key;
    const double key_unit = tern_store_linear(s, TERN_PART_CONV_POINT, &rows, 0);
    for (int i = 0; i < a && !s->status; i++) {
        const double product = (double)key[i] * (double)query[i];
        product2 += product * product;
        most = fmax(most, product);
    }
    const struct tern_input products = {
        .unit = key_unit * q_unit, .norm = sqrt(product2), .most = fmin(most / (key_unit * q_unit), 0x1p30)};
    tern_store_linear(s, TERN_PART_CONV_KERNEL, &products, 0);
    return out_unit;
}

void tern_store_value_conv(struct tern_store *s, struct tern_input *context)
{
    const struct tern_shape shape = tern_part_shape(s->config, &tern_parts[TERN_PART_CONV_VALUE], s->layer);
    const int count = shape.n * shape.k;
    double most = 0;
    int bits = 14;
    int16_t *const q = tern_store_add_vector(s, "conv_value", ".q", TERN_I16, count);
    struct tern_table_param *const param = tern_store_add_vector(s, "conv_value", ".param", TERN_I32, TERN_PARAM32);
    tern_store_read(s, TERN_PART_CONV_VALUE, 0, s->matrix, (size_t)count);
    if (s->status)
        return;
    for (int head = 0; head < shape.n; head++) {
        double all = 0;
        for (int k = 0; k < shape.k; k++)
            all += fabs((double)s->matrix[head * shape.k + k]);
        most = fmax(most, all);
    }
    /* Each tap may be half a unit more than it is. */
    while (bits >= 0 && ldexp(1 + most, bits) + shape.k > 1 << 15)
        bits--;
    if (bits < 0) {
        tern_store_refuse(s, TERN_PART_CONV_VALUE, 0, "its kernels add up to %g times a head's values", most);
        return;
    }
    for (int i = 0; i < count; i++)
        q[i] = (int16_t)rint(ldexp((double)s->matrix[i], bits));
    param->up = bits;
    context->unit = ldexp(context->unit, -bits);
    context->norm *= 1 + most;
    context->most = fmin(16384 * ldexp(1 + most, bits), 0x1p30);
}
