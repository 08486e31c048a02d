/* A plugin for QEMU's user-mode emulation: how often each translated block of guest instructions was entered.
     qemu-aarch64 -plugin qcount.so,out=FILE program ...   ->  lines "address instructions entries"
   Exact for one guest thread (the counters' additions are not atomic). Of QEMU's plugin interface, version 1 (its
   documentation, "QEMU TCG Plugins"), only what is used is declared here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum inline_op { INLINE_ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*fn)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, enum inline_op op, void *counter,
                                              uint64_t add);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*fn)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 1;

/* A block that is translated again gets another entry; whoever reads the file adds them. */
struct block {
    uint64_t address, instructions, entries;
    struct block *next;
};
static struct block *blocks;
static const char *path;

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct block *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->address = qemu_plugin_tb_vaddr(tb);
    b->instructions = qemu_plugin_tb_n_insns(tb);
    b->next = blocks;
    blocks = b;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &b->entries, 1);
}

static void at_exit(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    FILE *out = path ? fopen(path, "w") : NULL;
    if (!out)
        return;
    for (const struct block *b = blocks; b; b = b->next)
        if (b->entries)
            fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->instructions, b->entries);
    fclose(out);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "out=", 4))
            path = strdup(argv[i] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
