/* A float matrix as its codes will stand for it, for the float models that conversion looks at. */
#include "quant/round_matrix.h"

size_t tern_round_matrix_scratch(size_t all)
{
    /* The codes' and multipliers' bytes; of multipliers, of groups of 32 inputs at least, there are fewer than codes.
     */
    return (TERN_PANEL + 2) * all + (2 * TERN_PANEL * (all + 1) + sizeof(float) - 1) / sizeof(float);
}

void tern_round_matrix(const struct tern_coding *coding, float *w, int n, int k, const float *gamma, float *scratch)
{
    const struct tern_copies *copies = coding->copies;
    const int all = k + (copies ? copies->count : 0);
    double scale[TERN_PANEL];
    float *rows = scratch, *spare = rows + (ptrdiff_t)TERN_PANEL * all;
    uint8_t *codes = (uint8_t *)(spare + 2 * (ptrdiff_t)all), *mul = codes + (ptrdiff_t)TERN_PANEL * all;
    for (int first = 0; first < n; first += TERN_PANEL) {
        const int count = n - first < TERN_PANEL ? n - first : TERN_PANEL;
        float *at = w + (ptrdiff_t)first * k;
        for (int j = 0; j < count; j++) {
            float *const row = rows + (ptrdiff_t)j * all;
            for (int l = 0; l < k; l++)
                row[l] = gamma ? at[(ptrdiff_t)j * k + l] * gamma[l] : at[(ptrdiff_t)j * k + l];
            for (int i = k; i < all; i++)
                row[i] = row[copies->column[i - k]];
        }
        tern_quantize_panel(coding, rows, count, k, codes, mul, scale, spare);
        for (int j = 0; j < count; j++, at += k) {
            for (int l = 0; l < all; l++) {
                const float q =
                    (float)tern_coded_value(coding, codes[(ptrdiff_t)j * all + l], mul, j, l) * (float)scale[j];
                if (l < k)
                    spare[l] = q;
                else
                    spare[copies->column[l - k]] += q;
            }
            tern_sums_to_means(spare, copies);
            for (int l = 0; l < k; l++)
                if (!gamma || gamma[l] != 0)
                    at[l] = gamma ? spare[l] / gamma[l] : spare[l];
        }
    }
}

void tern_mend_bias(float *b, const float *w, const float *kept, int n, int k, const float *beta)
{
    for (int j = 0; j < n; j++) {
        double wrong = 0;
        for (int i = 0; i < k; i++)
            wrong += ((double)w[(ptrdiff_t)j * k + i] - (double)kept[(ptrdiff_t)j * k + i]) * (double)beta[i];
        b[j] = (float)((double)b[j] - wrong);
    }
}
