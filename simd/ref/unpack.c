/* Defines unpack, which unpacks low-bit weights to int8. */
#include "simd/table.h"

void tern_unpack_ref(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    const int bits = w->book->bits;
    for (int p = 0; p < panels; p++) {
        const struct tern_codes panel = tern_codes_at(w, p, k4);
        for (int step = 0; step < k4; step++) {
            for (int j = 0; j < TERN_PANEL * TERN_PANEL_K; j++) {
                const int channel = j / TERN_PANEL_K;
                const int code = tern_code_get(panel.line, bits, step, channel, j % TERN_PANEL_K);
                const int mul = w->mul ? panel.mul[step / w->group * TERN_PANEL + channel] : 1;
                *b++ = (int8_t)(w->book->value[code] * mul);
            }
        }
    }
}
