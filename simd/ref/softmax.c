#include "simd/table.h"

int32_t tern_softmax_ref(const int32_t *score, int shift, int mul, int8_t *p, int n)
{
    int32_t max = score[0];
    for (int j = 1; j < n; j++)
        max = score[j] > max ? score[j] : max;

    uint32_t cut = tern_softmax_cut(shift);
    int32_t sum = 0;
    for (int j = 0; j < n; j++) {
        uint32_t d = (uint32_t)max - (uint32_t)score[j];
        d = d < cut ? d : cut;
        d = shift < 0 ? d << -shift : d >> shift;
        int16_t t = tern_mulr((int16_t)(d < 32767 ? d : 32767), (int16_t)mul);
        p[j] = (int8_t)((tern_exp2(t) + 128) >> 8);
        sum += p[j];
    }
    for (int j = n; j < tern_round_up(n, TERN_PANEL_K); j++)
        p[j] = 0;
    return sum;
}
