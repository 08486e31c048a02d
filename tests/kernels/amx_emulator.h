/* AMX on CPUs without it, for tests: a SIGILL handler that executes the tile instructions. */
#ifndef TERN_TEST_AMX_EMULATOR_H
#define TERN_TEST_AMX_EMULATOR_H

/* What the emulated program has executed. */
struct amx_counts {
    long configurations, products, loads, stores, zeros;
};

/* Starts emulating; returns 0 where that is not possible (not x86-64). To be called once, after guard_call: what is no
   instruction of AMX's goes on to the handler that it set. */
int amx_emulator_start(void);
struct amx_counts amx_emulator_counts(void);

#endif
