/* What board or PC this is, in lines for `tern bench --report`: its model, system, CPUs, frequencies, memory and heat.
   No serial number, address or name of the host or a user is read. `root`: as in tools/host.h. */
#ifndef TERN_BOARD_H
#define TERN_BOARD_H

#include <stdio.h>

/* Lines "- name: value"; what Linux does not tell is "not known". */
void board_print(FILE *out, const char *root);

/* What changes while the CPU works. */
struct board_state {
    double temperature; /* degrees Celsius; negative: not known */
    long firmware;      /* flags of the Raspberry Pi's firmware; negative: there are none */
    long throttles;     /* how often x86 cores were slowed down for heat; negative: not known */
};
struct board_state board_look(const char *root);
/* The lines of temperature and throttling. */
void board_print_states(FILE *out, const struct board_state *before, const struct board_state *after);

/* MiB of memory that programs may still take, and of all memory; negative: not known. */
long board_free_mib(const char *root);
long board_memory_mib(const char *root);

#endif
