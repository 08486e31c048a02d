/* Printed by tests/golden/make_eurobert.py. */
static const int32_t eurobert_ids[9] = {2, 10, 11, 12, 39, 23, 31, 5, 3};
/* classifier_pooling: bos, mean, late */
static const float eurobert_logits[3][3] = {
    {-1.13443005f, 2.15632439f, -0.601592958f},
    {0.103692725f, 1.24973488f, -0.178670973f},
    {0.876707435f, 0.774601221f, -1.52737927f},
};
