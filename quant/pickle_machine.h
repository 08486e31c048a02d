/* The inside of the machine that runs pickles. Only for quant/pickle*.c. */
#ifndef TERN_PICKLE_MACHINE_H
#define TERN_PICKLE_MACHINE_H

#include "quant/pickle.h"

/* The opcodes of protocols 2 to 5 that occur; those of protocol 0, text, do not. */
enum op {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_DUP = '2',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_NONE = 'N',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U',
    OP_BINUNICODE = 'X',
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_APPENDS = 'e',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_SETITEMS = 'u',
    OP_EMPTY_TUPLE = ')',
    OP_EMPTY_DICT = '}',
    OP_PROTO = 0x80,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
};

#define TERN_MARK UINT32_MAX /* on the stack, and in the memo: nothing */

struct tern_machine_list {
    uint32_t *items;
    uint32_t n, capacity;
};

struct tern_machine {
    struct tern_pickle *out;
    const uint8_t *begin, *at, *end;
    uint32_t value_capacity, cell_capacity, n_memo;
    struct tern_machine_list stack, memo;
    const char *label;
    tern_error *err;
};

#define BAD_PICKLE(...) tern_fail(m->err, TERN_FORMAT, "%s: the pickle " __VA_ARGS__)

/* Appends to a list of the machine; TERN_NOMEM. */
tern_status tern_machine_put(struct tern_machine *m, struct tern_machine_list *list, uint32_t item);
/* Makes a value and puts it on the stack. Pointers into the pickle's values are stale afterwards. */
tern_status tern_machine_push(struct tern_machine *m, struct tern_pickle_value value);
/* Takes n values off the stack, the last one first; a mark is none. */
tern_status tern_machine_pop(struct tern_machine *m, uint32_t *out, uint32_t n);
/* Appends to a tuple, list or dictionary. */
tern_status tern_machine_append(struct tern_machine *m, uint32_t container, uint32_t key, uint32_t value);
/* The next n bytes, NULL (with the error) at the end. */
const uint8_t *tern_machine_take(struct tern_machine *m, uint64_t n);

/* Runs an opcode that names, calls or makes objects; *known is 0 for another one. */
tern_status tern_machine_run_object(struct tern_machine *m, uint8_t op, int *known);

#endif
