/* Defines softmax, which makes softmax's probabilities. */
#include "simd/table.h"

int32_t tern_softmax_ref(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    int32_t max = score[0];
    for (int j = 1; j < n; j++)
        max = score[j] > max ? score[j] : max;

    int32_t sum = 0;
    for (int j = 0; j < n; j++) {
        int16_t p = tern_probability((uint32_t)max - (uint32_t)score[j], shift, mul);
        high[j] = (int8_t)(p >> TERN_P_LOW_BITS);
        low[j] = (int8_t)(p & ((1 << TERN_P_LOW_BITS) - 1));
        sum += p;
    }
    for (int j = n; j < tern_round_up(n, TERN_PANEL_K); j++)
        high[j] = low[j] = 0;
    return sum;
}
