/* The tile instructions as the Intel SDM, volume 2, defines them (LDTILECFG, TILELOADD, TDPBSSD ...): a CPU without AMX
   raises SIGILL for each; the handler decodes it, does its work on tiles in memory and goes on behind it. Conditions
   that would raise #GP or #UD on hardware end the program with a message, so that a test sees them. */
#include "tests/kernels/amx_emulator.h"

#ifdef __x86_64__

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, MAX_ROWS = 16, MAX_BYTES = 64 };

static struct {
    int configured;
    uint16_t row_bytes[TILES];
    uint8_t rows[TILES];
    uint8_t tile[TILES][MAX_ROWS][MAX_BYTES];
} state;
static struct amx_counts counts;
static struct sigaction previous;

static _Noreturn void fault(const char *what)
{
    static const char name[] = "amx_emulator: ";
    if (write(2, name, sizeof name - 1) < 0 || write(2, what, strlen(what)) < 0 || write(2, "\n", 1) < 0)
        _exit(3);
    _exit(3);
}

/* ---- Decoding: VEX.128.0F38.W0, opcodes 49, 4B and 5E ----------------------------------------------------------- */

struct instruction {
    int prefix; /* 0, 0x66, 0xF3 or 0xF2: VEX.pp */
    int opcode;
    int mod, reg, rm, vvvv;
    int high_x, high_b; /* VEX.X and VEX.B: the top bits of index and base */
    const uint8_t *operand;
    const uint8_t *next;
};

static int64_t register_of(const ucontext_t *u, int number)
{
    static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return u->uc_mcontext.gregs[order[number]];
}

static int decode(struct instruction *in, const uint8_t *p)
{
    static const int prefixes[4] = {0, 0x66, 0xF3, 0xF2};
    if (p[0] != 0xC4 || (p[1] & 0x1F) != 2 || (p[2] & 0x84)) /* map 0F38, W0, L0 */
        return 0;
    in->high_x = p[1] & 0x40 ? 0 : 8;
    in->high_b = p[1] & 0x20 ? 0 : 8;
    in->vvvv = ~(p[2] >> 3) & 15;
    in->prefix = prefixes[p[2] & 3];
    in->opcode = p[3];
    in->mod = p[4] >> 6;
    in->reg = (p[4] >> 3) & 7;
    in->rm = p[4] & 7;
    in->operand = in->next = p + 5;
    return in->opcode == 0x49 || in->opcode == 0x4B || in->opcode == 0x5E;
}

struct address {
    uint8_t *base;
    int64_t stride;
};

static int32_t displacement(struct instruction *in, int bytes)
{
    int32_t d = 0;
    if (bytes == 1)
        d = (int8_t)*in->next;
    else if (bytes == 4)
        memcpy(&d, in->next, 4);
    in->next += bytes;
    return d;
}

/* The memory operand; a tile's rows are `stride` apart, which is the scaled index. */
static struct address address_of(struct instruction *in, const ucontext_t *u)
{
    struct address a = {NULL, 0};
    int base = in->rm, bytes = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0, none = 0;
    if (in->rm == 4) {
        const int sib = *in->next++, index = ((sib >> 3) & 7) + in->high_x;
        base = sib & 7;
        if (index != 4)
            a.stride = (int64_t)((uint64_t)register_of(u, index) << (sib >> 6));
    }
    if (base == 5 && in->mod == 0) {
        if (in->rm != 4)
            fault("RIP-relative operands are not emulated");
        none = 1;
        bytes = 4;
    }
    const int64_t start = none ? 0 : register_of(u, base + in->high_b);
    a.base = (uint8_t *)(uintptr_t)(start + displacement(in, bytes));
    return a;
}

/* ---- Executing ----------------------------------------------------------------------------------------------------
 */

static void load_configuration(const uint8_t *p)
{
    memset(&state, 0, sizeof state);
    counts.configurations++;
    if (p[0] == 0)
        return;
    if (p[0] != 1)
        fault("LDTILECFG: palette above 1");
    for (int i = 2; i < 16; i++)
        if (p[i])
            fault("LDTILECFG: a reserved byte is set");
    for (int i = 0; i < 16; i++) {
        uint16_t bytes;
        memcpy(&bytes, p + 16 + 2 * i, 2);
        const int rows = p[48 + i];
        if (i >= TILES ? bytes || rows : bytes > MAX_BYTES || rows > MAX_ROWS || !bytes != !rows)
            fault("LDTILECFG: bad tile shape");
        if (i < TILES) {
            state.row_bytes[i] = bytes;
            state.rows[i] = (uint8_t)rows;
        }
    }
    state.configured = 1;
}

static void need_tile(int t)
{
    if (!state.configured || !state.rows[t])
        fault("a tile is used that is not configured");
}

static void move_tile(int t, struct address a, int store)
{
    need_tile(t);
    for (int i = 0; i < state.rows[t]; i++) {
        uint8_t *row = a.base + i * a.stride;
        if (store)
            memcpy(row, state.tile[t][i], state.row_bytes[t]);
        else
            memcpy(state.tile[t][i], row, state.row_bytes[t]);
    }
    if (!store)
        for (int i = 0; i < MAX_ROWS; i++) /* what the shape leaves out is zeroed */
            memset(state.tile[t][i] + (i < state.rows[t] ? state.row_bytes[t] : 0), 0,
                   (size_t)(MAX_BYTES - (i < state.rows[t] ? state.row_bytes[t] : 0)));
    if (store)
        counts.stores++;
    else
        counts.loads++;
}

static int32_t byte_of(const uint8_t *p, int is_signed)
{
    return is_signed ? (int8_t)*p : *p;
}

/* C[m][n] += sum over k and four bytes of A[m][4 k + i] * B[k][4 n + i], modulo 2^32. */
static void multiply(int c, int a, int b, int a_signed, int b_signed)
{
    need_tile(a), need_tile(b), need_tile(c);
    if (a == b || a == c || b == c)
        fault("TDP: the same tile twice");
    if (state.rows[c] != state.rows[a] || state.row_bytes[a] != 4 * state.rows[b] ||
        state.row_bytes[c] != state.row_bytes[b] || state.row_bytes[c] % 4)
        fault("TDP: shapes do not match");
    for (int m = 0; m < state.rows[c]; m++)
        for (int n = 0; n < state.row_bytes[c] / 4; n++) {
            uint32_t sum;
            memcpy(&sum, state.tile[c][m] + 4 * n, 4);
            for (int k = 0; k < state.rows[b]; k++)
                for (int i = 0; i < 4; i++)
                    sum += (uint32_t)(byte_of(&state.tile[a][m][4 * k + i], a_signed) *
                                      byte_of(&state.tile[b][k][4 * n + i], b_signed));
            memcpy(state.tile[c][m] + 4 * n, &sum, 4);
        }
    counts.products++;
}

static void configuration_or_zero(struct instruction *in, const ucontext_t *u)
{
    if (in->mod != 3 && in->prefix == 0) {
        load_configuration(address_of(in, u).base);
    } else if (in->mod == 3 && in->prefix == 0 && in->reg == 0 && in->rm == 0) {
        memset(&state, 0, sizeof state); /* TILERELEASE */
    } else if (in->mod == 3 && in->prefix == 0xF2 && in->rm == 0) {
        need_tile(in->reg);
        memset(state.tile[in->reg], 0, sizeof state.tile[in->reg]);
        counts.zeros++;
    } else {
        fault("an instruction of opcode 49 that is not emulated");
    }
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    struct instruction in;
    const uint8_t *p = (const uint8_t *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    if (!decode(&in, p)) {
        previous.sa_sigaction(signal_number, info, context);
        return;
    }
    if (in.opcode == 0x49) {
        configuration_or_zero(&in, u);
    } else if (in.opcode == 0x4B) {
        if (in.mod == 3 || in.rm != 4 || in.prefix == 0)
            fault("TILELOADD, TILESTORED: bad operand");
        move_tile(in.reg, address_of(&in, u), in.prefix == 0xF3);
    } else {
        multiply(in.reg, in.rm, in.vvvv, in.prefix == 0xF2 || in.prefix == 0xF3,
                 in.prefix == 0xF2 || in.prefix == 0x66);
    }
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)in.next;
}

int amx_emulator_start(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
    return sigaction(SIGILL, &action, &previous) == 0 && previous.sa_flags & SA_SIGINFO;
}

struct amx_counts amx_emulator_counts(void)
{
    return counts;
}

#else

int amx_emulator_start(void)
{
    return 0;
}

struct amx_counts amx_emulator_counts(void)
{
    struct amx_counts none = {0, 0, 0, 0, 0};
    return none;
}

#endif
