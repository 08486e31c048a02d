/* The shortest way from exec to an answer of ONNX Runtime: opens a graph, runs TOKENS tokens once, prints a value.
     ort_first GRAPH.onnx TOKENS [RUNS]
   With RUNS it repeats the run (to count instructions by differences). No header is needed: OrtApi is a table of
   functions whose order is frozen by ONNX Runtime's ABI promise ("ordering MUST NOT change"); the slots used are named
   below. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *handle;
typedef struct {
    const void *const *(*get_api)(uint32_t version);
    const char *(*version)(void);
} api_base;
extern const api_base *OrtGetApiBase(void);

enum {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_OPTIMIZATION_LEVEL = 23,
    SET_INTRA_OP_THREADS = 24,
    INPUT_COUNT = 30,
    OUTPUT_COUNT = 31,
    INPUT_NAME = 36,
    OUTPUT_NAME = 37,
    CREATE_TENSOR_WITH_DATA = 49,
    TENSOR_DATA = 51,
    CREATE_CPU_MEMORY_INFO = 69,
    DEFAULT_ALLOCATOR = 78,
};
enum { BASIC = 1, INT32 = 6, MOST = 8, MOST_TOKENS = 512 };

static const void *const *api;

static void check(handle status, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "ort_first: %s: %s\n", what, ((const char *(*)(handle))api[GET_ERROR_MESSAGE])(status));
    exit(1);
}
#define CALL(slot, types, ...) check(((handle(*) types)api[slot])(__VA_ARGS__), #slot)

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const int tokens = atoi(argv[2]), runs = argc > 3 ? atoi(argv[3]) : 1;
    if (tokens < 1 || tokens > MOST_TOKENS)
        return 2;
    handle env, options, session, allocator, memory, inputs[MOST], outputs[MOST];
    size_t n_inputs, n_outputs;
    char *in[MOST], *out[MOST];
    static int32_t data[MOST][MOST_TOKENS];
    const int64_t shape[2] = {1, tokens};
    api = OrtGetApiBase()->get_api(17);
    CALL(CREATE_ENV, (int, const char *, handle *), 3, "first", &env);
    CALL(CREATE_SESSION_OPTIONS, (handle *), &options);
    CALL(SET_INTRA_OP_THREADS, (handle, int), options, 1);
    CALL(SET_OPTIMIZATION_LEVEL, (handle, int), options, BASIC);
    CALL(CREATE_SESSION, (handle, const char *, handle, handle *), env, argv[1], options, &session);
    CALL(DEFAULT_ALLOCATOR, (handle *), &allocator);
    CALL(CREATE_CPU_MEMORY_INFO, (int, int, handle *), 1, 0, &memory);
    CALL(INPUT_COUNT, (handle, size_t *), session, &n_inputs);
    CALL(OUTPUT_COUNT, (handle, size_t *), session, &n_outputs);
    for (size_t i = 0; i < n_inputs && i < MOST; i++) {
        CALL(INPUT_NAME, (handle, size_t, handle, char **), session, i, allocator, &in[i]);
        for (int t = 0; t < tokens; t++)
            data[i][t] = strstr(in[i], "mask") ? 1 : strstr(in[i], "input_ids") ? 1000 + t * 7919 % 29522 : 0;
        CALL(CREATE_TENSOR_WITH_DATA, (handle, void *, size_t, const int64_t *, size_t, int, handle *), memory, data[i],
             sizeof(int32_t) * (size_t)tokens, shape, 2, INT32, &inputs[i]);
    }
    for (size_t i = 0; i < n_outputs && i < MOST; i++)
        CALL(OUTPUT_NAME, (handle, size_t, handle, char **), session, i, allocator, &out[i]);
    float *values = NULL;
    for (int i = 0; i < runs; i++) {
        memset(outputs, 0, sizeof outputs);
        CALL(RUN, (handle, handle, char *const *, handle const *, size_t, char *const *, size_t, handle *), session,
             NULL, in, inputs, n_inputs, out, n_outputs, outputs);
        CALL(TENSOR_DATA, (handle, void **), outputs[0], (void **)&values);
    }
    printf("%s %f\n", OrtGetApiBase()->version(), (double)values[0]);
    return 0;
}
