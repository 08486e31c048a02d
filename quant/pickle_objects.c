/* The objects of a pickle: the names it may use and what their calls make. Anything else is refused by its name. */
#include "quant/pickle_machine.h"

#include <string.h>

/* What may be named. A call of the first four makes a value; a storage class stands in a persistent id. */
enum callable { CALL_DICT, CALL_TENSOR, CALL_PARAMETER, CALL_STORAGE };
static const struct {
    const char *module, *name;
    enum callable callable;
    enum tern_dtype storage;
} globals[] = {
    {"collections", "OrderedDict", CALL_DICT, TERN_F32},
    {"torch._utils", "_rebuild_tensor", CALL_TENSOR, TERN_F32},
    {"torch._utils", "_rebuild_tensor_v2", CALL_TENSOR, TERN_F32},
    {"torch._utils", "_rebuild_parameter", CALL_PARAMETER, TERN_F32},
#define STORAGE(name, dtype)                                                                                           \
    {"torch", name, CALL_STORAGE, dtype},                                                                              \
    {                                                                                                                  \
        "torch.cuda", name, CALL_STORAGE, dtype                                                                        \
    }
    STORAGE("FloatStorage", TERN_F32),
    STORAGE("HalfStorage", TERN_F16),
    STORAGE("BFloat16Storage", TERN_BF16),
    STORAGE("DoubleStorage", TERN_F64),
    STORAGE("LongStorage", TERN_I64),
    STORAGE("IntStorage", TERN_I32),
    STORAGE("ShortStorage", TERN_I16),
    STORAGE("CharStorage", TERN_I8),
    STORAGE("ByteStorage", TERN_U8),
    STORAGE("BoolStorage", TERN_BOOL),
#undef STORAGE
};
enum { N_GLOBALS = (int)(sizeof globals / sizeof globals[0]) };

static int equal(const uint8_t *bytes, size_t n, const char *text)
{
    return n == strlen(text) && !memcmp(bytes, text, n);
}

static tern_status push_global(struct tern_machine *m, const uint8_t *module, size_t n_module, const uint8_t *name,
                               size_t n_name)
{
    for (int i = 0; i < N_GLOBALS; i++)
        if (equal(module, n_module, globals[i].module) && equal(name, n_name, globals[i].name))
            return tern_machine_push(m, (struct tern_pickle_value){.type = TERN_PICKLE_GLOBAL, .n = (uint32_t)i});
    return BAD_PICKLE(
        "would import %.*s.%.*s, which is not supported; nothing was run. If you trust the file, load it in Python and "
        "save its weights with save_pretrained(dir)",
        m->label, (int)(n_module > 60 ? 60 : n_module), (const char *)module, (int)(n_name > 60 ? 60 : n_name),
        (const char *)name);
}

/* "module\nname\n". */
static tern_status run_global(struct tern_machine *m)
{
    const uint8_t *part[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
        part[i] = m->at;
        if (!end)
            return tern_machine_take(m, UINT64_MAX) ? TERN_OK : TERN_FORMAT;
        n[i] = (size_t)(end - m->at);
        m->at = end + 1;
    }
    return push_global(m, part[0], n[0], part[1], n[1]);
}

static tern_status run_stack_global(struct tern_machine *m)
{
    uint32_t at[2];
    tern_status status = tern_machine_pop(m, at, 2);
    if (status)
        return status;
    const struct tern_pickle_value *name = &m->out->values[at[0]], *module = &m->out->values[at[1]];
    if (name->type != TERN_PICKLE_STRING || module->type != TERN_PICKLE_STRING)
        return BAD_PICKLE("is damaged: a name is no string", m->label);
    return push_global(m, module->is.bytes, module->n, name->is.bytes, name->n);
}

/* OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it. */
static tern_status make_dict(struct tern_machine *m, const struct tern_pickle_value *arguments)
{
    const struct tern_pickle_value *pairs = tern_pickle_item(m->out, arguments, 0);
    const uint32_t dict = m->out->n_values, n = pairs ? pairs->n : 0;
    if (arguments->n > 1 || (pairs && pairs->type != TERN_PICKLE_LIST))
        return BAD_PICKLE("makes an OrderedDict of something that is no list", m->label);
    uint32_t cell = n ? pairs->is.chain.first : 0;
    tern_status status = tern_machine_push(m, (struct tern_pickle_value){.type = TERN_PICKLE_DICT});
    for (uint32_t i = 0; !status && i < n; i++, cell = m->out->cells[cell].next) {
        const struct tern_pickle_value *pair = &m->out->values[m->out->cells[cell].value];
        if ((pair->type != TERN_PICKLE_LIST && pair->type != TERN_PICKLE_TUPLE) || pair->n != 2)
            return BAD_PICKLE("makes an OrderedDict of something that is no list of pairs", m->label);
        status = tern_machine_append(m, dict, m->out->cells[pair->is.chain.first].value,
                                     m->out->cells[pair->is.chain.last].value);
    }
    return status;
}

static tern_status run_reduce(struct tern_machine *m)
{
    uint32_t at[2];
    tern_status status = tern_machine_pop(m, at, 2);
    if (status)
        return status;
    const struct tern_pickle_value *arguments = &m->out->values[at[0]], *called = &m->out->values[at[1]], *first;
    if (called->type != TERN_PICKLE_GLOBAL || arguments->type != TERN_PICKLE_TUPLE)
        return BAD_PICKLE("is damaged: it calls what is no function at byte %zu", m->label, (size_t)(m->at - m->begin));
    switch (globals[called->n].callable) {
    case CALL_DICT: return make_dict(m, arguments);
    case CALL_TENSOR:
        return tern_machine_push(m, (struct tern_pickle_value){.type = TERN_PICKLE_TENSOR, .is.of = at[0]});
    case CALL_PARAMETER:
        first = tern_pickle_item(m->out, arguments, 0);
        if (first && first->type == TERN_PICKLE_TENSOR)
            return tern_machine_put(m, &m->stack, (uint32_t)(first - m->out->values));
        return BAD_PICKLE("makes a parameter of something that is no tensor", m->label);
    default: break;
    }
    return BAD_PICKLE("calls the class %s.%s, which it may only name", m->label, globals[called->n].module,
                      globals[called->n].name);
}

/* A state dictionary has one attribute, `_metadata` with the versions of its modules, which nobody needs. */
static tern_status run_build(struct tern_machine *m)
{
    uint32_t at = 0;
    tern_status status = tern_machine_pop(m, &at, 1);
    if (status)
        return status;
    const uint32_t of = m->stack.n ? m->stack.items[m->stack.n - 1] : TERN_MARK;
    const struct tern_pickle_value *state = &m->out->values[at];
    int known = of != TERN_MARK && m->out->values[of].type == TERN_PICKLE_DICT && state->type == TERN_PICKLE_DICT;
    if (known && state->n > 0)
        known = state->n == 1 && tern_pickle_get(m->out, state, "_metadata") != NULL;
    if (!known)
        return BAD_PICKLE("sets other attributes than a dictionary's _metadata at byte %zu", m->label,
                          (size_t)(m->at - m->begin));
    return TERN_OK;
}

tern_status tern_machine_run_object(struct tern_machine *m, uint8_t op, int *known)
{
    uint32_t at = 0;
    tern_status status;

    *known = 1;
    switch (op) {
    case OP_GLOBAL: return run_global(m);
    case OP_STACK_GLOBAL: return run_stack_global(m);
    case OP_REDUCE: return run_reduce(m);
    case OP_BUILD: return run_build(m);
    case OP_BINPERSID:
        status = tern_machine_pop(m, &at, 1);
        if (!status && m->out->values[at].type != TERN_PICKLE_TUPLE)
            return BAD_PICKLE("has a persistent id that is no tuple", m->label);
        return status ? status
                      : tern_machine_push(m, (struct tern_pickle_value){.type = TERN_PICKLE_STORAGE, .is.of = at});
    }
    *known = 0;
    return TERN_OK;
}

int tern_pickle_storage_class(const struct tern_pickle_value *value, enum tern_dtype *dtype)
{
    if (value->type != TERN_PICKLE_GLOBAL || globals[value->n].callable != CALL_STORAGE)
        return 0;
    *dtype = globals[value->n].storage;
    return 1;
}
