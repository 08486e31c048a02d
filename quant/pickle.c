/* The machine that runs pickles (Lib/pickletools.py describes the opcodes), reduced to those that build tensors and
   plain values. A file can make it fail, and nothing else: values are never followed, so that no depth or number of
   references costs more than the bytes that wrote them. */
#include "quant/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Room for one element more. All counts stay below 2^26: an opcode, of one byte at least, makes at most one value and
   one place on the stack, and moves each place into at most one cell. */
static tern_status grow(struct tern_machine *m, void **items, uint32_t n, uint32_t *capacity, size_t bytes)
{
    const uint32_t more = *capacity ? 2 * *capacity : 64;
    void *grown;
    if (n < *capacity)
        return TERN_OK;
    grown = more > SIZE_MAX / bytes ? NULL : realloc(*items, more * bytes);
    if (!grown)
        return tern_fail_nomem(m->err, m->label, (size_t)more * bytes);
    *items = grown;
    *capacity = more;
    return TERN_OK;
}

tern_status tern_machine_put(struct tern_machine *m, struct tern_machine_list *list, uint32_t item)
{
    void *items = list->items;
    const tern_status status = grow(m, &items, list->n, &list->capacity, sizeof item);
    list->items = items;
    if (!status)
        list->items[list->n++] = item;
    return status;
}

tern_status tern_machine_push(struct tern_machine *m, struct tern_pickle_value value)
{
    struct tern_pickle *p = m->out;
    void *values = p->values;
    const tern_status status = grow(m, &values, p->n_values, &m->value_capacity, sizeof value);
    p->values = values;
    if (status)
        return status;
    p->values[p->n_values] = value;
    return tern_machine_put(m, &m->stack, p->n_values++);
}

/* Appends to a tuple, list or dictionary. */
tern_status tern_machine_append(struct tern_machine *m, uint32_t container, uint32_t key, uint32_t value)
{
    struct tern_pickle *p = m->out;
    struct tern_pickle_value *to = &p->values[container];
    void *cells = p->cells;
    /* A member is written with a byte at least; only a list that is made into dictionaries again and again has more. */
    if (p->n_cells >= (size_t)(m->at - m->begin))
        return BAD_PICKLE("is damaged: its containers have more members than it has bytes", m->label);
    const tern_status status = grow(m, &cells, p->n_cells, &m->cell_capacity, sizeof p->cells[0]);
    p->cells = cells;
    if (status)
        return status;
    p->cells[p->n_cells] = (struct tern_pickle_cell){key, value, 0};
    if (to->n++)
        p->cells[to->is.chain.last].next = p->n_cells;
    else
        to->is.chain.first = p->n_cells;
    to->is.chain.last = p->n_cells++;
    return TERN_OK;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* The next n bytes, NULL (with the error) at the end. */
const uint8_t *tern_machine_take(struct tern_machine *m, uint64_t n)
{
    const uint8_t *at = m->at;
    if (n > (uint64_t)(m->end - m->at)) {
        BAD_PICKLE("has no end within its %zu bytes; the limit is %d: the file is truncated or damaged", m->label,
                   (size_t)(m->end - m->begin), TERN_MAX_PICKLE);
        return NULL;
    }
    m->at += n;
    return at;
}

static uint64_t number(const uint8_t *at, int n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | at[n];
    return value;
}

/* An unsigned number of n bytes. */
static tern_status take_number(struct tern_machine *m, int n, uint64_t *out)
{
    const uint8_t *at = tern_machine_take(m, (uint64_t)n);
    if (!at)
        return TERN_FORMAT;
    *out = number(at, n);
    return TERN_OK;
}

/* A string or LONG whose length has n bytes. */
static tern_status push_bytes(struct tern_machine *m, enum tern_pickle_type type, int n)
{
    uint64_t length = 0;
    tern_status status = take_number(m, n, &length);
    const uint8_t *at = status ? NULL : tern_machine_take(m, length);
    if (!at)
        return TERN_FORMAT;
    struct tern_pickle_value value = {.type = type, .n = (uint32_t)length, .is.bytes = at};
    if (type == TERN_PICKLE_LONG && length <= 8) {
        uint64_t bits = number(at, (int)length);
        if (length > 0 && length < 8 && at[length - 1] & 0x80)
            bits |= UINT64_MAX << (8 * length);
        value = (struct tern_pickle_value){.type = TERN_PICKLE_INT, .is.integer = (int64_t)bits};
    }
    return tern_machine_push(m, value);
}

static tern_status push_integer(struct tern_machine *m, enum tern_pickle_type type, int64_t value)
{
    return tern_machine_push(m, (struct tern_pickle_value){.type = type, .is.integer = value});
}

/* What a constant's opcode pushes; *known is 0 for another opcode. */
static tern_status run_constant(struct tern_machine *m, uint8_t op, int *known)
{
    uint64_t bits = 0;
    tern_status status;

    *known = 1;
    switch (op) {
    case OP_NONE: return push_integer(m, TERN_PICKLE_NONE, 0);
    case OP_NEWTRUE: return push_integer(m, TERN_PICKLE_BOOL, 1);
    case OP_NEWFALSE: return push_integer(m, TERN_PICKLE_BOOL, 0);
    case OP_BININT1:
    case OP_BININT2:
        status = take_number(m, op == OP_BININT1 ? 1 : 2, &bits);
        return status ? status : push_integer(m, TERN_PICKLE_INT, (int64_t)bits);
    case OP_BININT:
        status = take_number(m, 4, &bits);
        return status ? status : push_integer(m, TERN_PICKLE_INT, (int32_t)(uint32_t)bits);
    case OP_BINFLOAT: return tern_machine_take(m, 8) ? push_integer(m, TERN_PICKLE_REAL, 0) : TERN_FORMAT;
    case OP_LONG1: return push_bytes(m, TERN_PICKLE_LONG, 1);
    case OP_LONG4: return push_bytes(m, TERN_PICKLE_LONG, 4);
    case OP_SHORT_BINSTRING:
    case OP_SHORT_BINUNICODE: return push_bytes(m, TERN_PICKLE_STRING, 1);
    case OP_BINSTRING:
    case OP_BINUNICODE: return push_bytes(m, TERN_PICKLE_STRING, 4);
    case OP_BINUNICODE8: return push_bytes(m, TERN_PICKLE_STRING, 8);
    case OP_EMPTY_LIST: return push_integer(m, TERN_PICKLE_LIST, 0);
    case OP_EMPTY_DICT: return push_integer(m, TERN_PICKLE_DICT, 0);
    case OP_EMPTY_TUPLE: return push_integer(m, TERN_PICKLE_TUPLE, 0);
    }
    *known = 0;
    return TERN_OK;
}

/* ---- Stack and memo --------------------------------------------------------------------------------------------- */

/* Takes n values off the stack, the last one first; a mark is none. */
tern_status tern_machine_pop(struct tern_machine *m, uint32_t *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (m->stack.n == 0 || m->stack.items[m->stack.n - 1] == TERN_MARK)
            return BAD_PICKLE("is damaged: its stack is empty at byte %zu", m->label, (size_t)(m->at - m->begin));
        out[i] = m->stack.items[--m->stack.n];
    }
    return TERN_OK;
}

/* Where the values above the last mark begin, which goes. They stay where they are until the stack grows again. */
static tern_status pop_mark(struct tern_machine *m, uint32_t *first, uint32_t *n)
{
    uint32_t at = m->stack.n;
    while (at > 0 && m->stack.items[at - 1] != TERN_MARK)
        at--;
    if (at == 0)
        return BAD_PICKLE("is damaged: it has no mark at byte %zu", m->label, (size_t)(m->at - m->begin));
    *first = at;
    *n = m->stack.n - at;
    m->stack.n = at - 1;
    return TERN_OK;
}

/* Python numbers the memo from 0 on, without gaps: a higher number asks for memory that no value needs. */
static tern_status memoize(struct tern_machine *m, uint64_t at)
{
    tern_status status = TERN_OK;
    if (m->stack.n == 0 || m->stack.items[m->stack.n - 1] == TERN_MARK)
        return BAD_PICKLE("is damaged: its stack is empty at byte %zu", m->label, (size_t)(m->at - m->begin));
    if (at > (uint64_t)(m->at - m->begin))
        return BAD_PICKLE("is damaged: it has a place %llu in its memo after %zu bytes", m->label,
                          (unsigned long long)at, (size_t)(m->at - m->begin));
    while (!status && m->memo.n <= at)
        status = tern_machine_put(m, &m->memo, TERN_MARK);
    if (!status) {
        m->n_memo += m->memo.items[at] == TERN_MARK;
        m->memo.items[at] = m->stack.items[m->stack.n - 1];
    }
    return status;
}

static tern_status recall(struct tern_machine *m, uint64_t at)
{
    if (at >= m->memo.n || m->memo.items[at] == TERN_MARK)
        return BAD_PICKLE("is damaged: it asks for place %llu of its memo, which is empty", m->label,
                          (unsigned long long)at);
    return tern_machine_put(m, &m->stack, m->memo.items[at]);
}

static tern_status run_stack(struct tern_machine *m, uint8_t op, int *known)
{
    const int n = op == OP_BINPUT || op == OP_BINGET ? 1 : 4;
    uint32_t top = 0, count;
    uint64_t number = 0;
    tern_status status;

    *known = 1;
    switch (op) {
    case OP_MARK: return tern_machine_put(m, &m->stack, TERN_MARK);
    case OP_POP: return tern_machine_pop(m, &top, 1);
    case OP_POP_MARK: return pop_mark(m, &top, &count);
    case OP_DUP:
        status = tern_machine_pop(m, &top, 1);
        if (!status)
            status = tern_machine_put(m, &m->stack, top);
        return status ? status : tern_machine_put(m, &m->stack, top);
    case OP_BINPUT:
    case OP_LONG_BINPUT: status = take_number(m, n, &number); return status ? status : memoize(m, number);
    case OP_MEMOIZE: return memoize(m, m->n_memo);
    case OP_BINGET:
    case OP_LONG_BINGET: status = take_number(m, n, &number); return status ? status : recall(m, number);
    case OP_PROTO:
        status = take_number(m, 1, &number);
        if (!status && (number < 2 || number > 5))
            return BAD_PICKLE("has protocol %d; 2 to 5 are supported", m->label, (int)number);
        return status;
    case OP_FRAME: return tern_machine_take(m, 8) ? TERN_OK : TERN_FORMAT; /* a hint for readers of streams */
    }
    *known = 0;
    return TERN_OK;
}

/* ---- Containers ------------------------------------------------------------------------------------------------- */

/* A tuple of stack[first .. first + n), which are already off the stack; nothing has been put since. */
static tern_status push_tuple(struct tern_machine *m, uint32_t first, uint32_t n)
{
    const uint32_t tuple = m->out->n_values;
    uint32_t kept = 0;
    tern_status status;

    /* the push would go over the first of them */
    if (n > 0)
        kept = m->stack.items[first];
    const uint32_t place = m->stack.n;
    status = tern_machine_push(m, (struct tern_pickle_value){.type = TERN_PICKLE_TUPLE});
    for (uint32_t i = 0; !status && i < n; i++)
        status = tern_machine_append(m, tuple, 0, first + i == place ? kept : m->stack.items[first + i]);
    return status;
}

/* Puts stack[first .. first + n), which are already off the stack, into the list or dictionary on top of it. */
static tern_status fill(struct tern_machine *m, enum tern_pickle_type type, uint32_t first, uint32_t n)
{
    const uint32_t step = type == TERN_PICKLE_DICT ? 2 : 1;
    const uint32_t to = m->stack.n ? m->stack.items[m->stack.n - 1] : TERN_MARK;
    tern_status status = TERN_OK;

    if (to == TERN_MARK || m->out->values[to].type != type || n % step)
        return BAD_PICKLE("is damaged: it fills no %s at byte %zu", m->label,
                          type == TERN_PICKLE_DICT ? "dictionary" : "list", (size_t)(m->at - m->begin));
    for (uint32_t i = first; !status && i < first + n; i += step)
        status = tern_machine_append(m, to, step == 2 ? m->stack.items[i] : 0, m->stack.items[i + step - 1]);
    return status;
}

static tern_status run_container(struct tern_machine *m, uint8_t op, int *known)
{
    const enum tern_pickle_type type = op == OP_APPEND || op == OP_APPENDS ? TERN_PICKLE_LIST : TERN_PICKLE_DICT;
    uint32_t taken[3], first = 0, n = 0;
    tern_status status = TERN_OK;

    *known = 1;
    switch (op) {
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
    case OP_APPEND:
    case OP_SETITEM:
        n = op == OP_APPEND ? 1 : op == OP_SETITEM ? 2 : (uint32_t)op - OP_TUPLE1 + 1;
        status = tern_machine_pop(m, taken, n); /* for its check: they are read from the stack */
        first = m->stack.n;
        break;
    case OP_TUPLE:
    case OP_APPENDS:
    case OP_SETITEMS: status = pop_mark(m, &first, &n); break;
    default: *known = 0; return TERN_OK;
    }
    if (status)
        return status;
    return op == OP_APPEND || op == OP_APPENDS || op == OP_SETITEM || op == OP_SETITEMS ? fill(m, type, first, n)
                                                                                        : push_tuple(m, first, n);
}

/* ---- The whole -------------------------------------------------------------------------------------------------- */

static tern_status run(struct tern_machine *m)
{
    static tern_status (*const groups[])(struct tern_machine *, uint8_t,
                                         int *) = {run_constant, run_stack, run_container, tern_machine_run_object};
    tern_status status = TERN_OK;
    for (;;) {
        uint64_t op = 0;
        int known = 0;
        status = take_number(m, 1, &op);
        if (status || op == OP_STOP)
            break;
        for (size_t i = 0; !status && !known && i < sizeof groups / sizeof groups[0]; i++)
            status = groups[i](m, (uint8_t)op, &known);
        if (!status && !known)
            status = BAD_PICKLE("has the opcode 0x%02x at byte %zu, which tensors do not need", m->label, (unsigned)op,
                                (size_t)(m->at - m->begin) - 1);
        if (status)
            break;
    }
    if (!status)
        status = tern_machine_pop(m, &m->out->root, 1);
    if (!status && m->stack.n > 0)
        status = BAD_PICKLE("is damaged: %u values are left at its end", m->label, m->stack.n);
    m->out->bytes = (size_t)(m->at - m->begin);
    return status;
}

tern_status tern_pickle_open(struct tern_pickle *out, const uint8_t *bytes, size_t size, const char *label,
                             tern_error *err)
{
    struct tern_machine m = {.out = out,
                             .begin = bytes,
                             .at = bytes,
                             .end = bytes + (size < TERN_MAX_PICKLE ? size : TERN_MAX_PICKLE),
                             .label = label,
                             .err = err};
    memset(out, 0, sizeof *out);
    const tern_status status = run(&m);
    free(m.stack.items);
    free(m.memo.items);
    if (status)
        tern_pickle_close(out);
    return status;
}

void tern_pickle_close(struct tern_pickle *pickle)
{
    free(pickle->values);
    free(pickle->cells);
    memset(pickle, 0, sizeof *pickle);
}

const struct tern_pickle_value *tern_pickle_item(const struct tern_pickle *pickle,
                                                 const struct tern_pickle_value *sequence, uint32_t at)
{
    if (at >= sequence->n)
        return NULL;
    uint32_t cell = sequence->is.chain.first;
    while (at-- > 0)
        cell = pickle->cells[cell].next;
    return &pickle->values[pickle->cells[cell].value];
}

int tern_pickle_is(const struct tern_pickle_value *value, const char *text)
{
    return value->type == TERN_PICKLE_STRING && value->n == strlen(text) && !memcmp(value->is.bytes, text, value->n);
}

const struct tern_pickle_value *tern_pickle_get(const struct tern_pickle *pickle, const struct tern_pickle_value *dict,
                                                const char *key)
{
    const struct tern_pickle_value *found = NULL;
    uint32_t cell = dict->n ? dict->is.chain.first : 0;
    for (uint32_t i = 0; i < dict->n; i++, cell = pickle->cells[cell].next)
        if (tern_pickle_is(&pickle->values[pickle->cells[cell].key], key))
            found = &pickle->values[pickle->cells[cell].value];
    return found;
}
