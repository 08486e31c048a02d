/* Finds where questions end, and gives texts the types that go by it. */
#include "models/question.h"

int32_t tern_question_tokens(const struct tern_config *config, const tern_batch *batch, int text)
{
    const int first = batch->offsets[text], end = batch->offsets[text + 1];
    for (int i = first; i < end; i++)
        if (batch->ids[i] == config->question_end - 1)
            return i - first;
    return -1;
}

void tern_question_types(const struct tern_config *config, const tern_batch *batch, int32_t *types)
{
    for (int text = 0; text < batch->n_texts; text++) {
        const int first = batch->offsets[text], end = batch->offsets[text + 1];
        const int32_t before = tern_question_tokens(config, batch, text), last = before < 0 ? 0 : before;
        int32_t given = 0;
        for (int i = first; i < end; i++) {
            types[i] = batch->types ? batch->types[i] : 0;
            given |= types[i];
        }
        for (int i = first + last + 1; !given && i < end; i++)
            types[i] = 1;
    }
}
