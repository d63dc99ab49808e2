/* Counts the instructions that a guest executes between two marks; a plugin of qemu's TCG.

   A guest marks by the system call getppid, which nothing else in it makes. At each mark the
   instructions executed so far are written to the file of the option out, one number a line.
   The sum is kept by inline additions, one a block of translated code, not by calls. */
#include <qemu-plugin.h>
#include <stdio.h>
#include <string.h>

#define GETPPID 173 /* on arm64 */

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static qemu_plugin_u64 executed;
static FILE *marks;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, QEMU_PLUGIN_INLINE_ADD_U64, executed,
                                                      qemu_plugin_tb_n_insns(block));
}

static void called(qemu_plugin_id_t id, unsigned int cpu, int64_t number, uint64_t a, uint64_t b,
                   uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != GETPPID) return;
    fprintf(marks, "%llu\n", (unsigned long long)qemu_plugin_u64_sum(executed));
    fflush(marks);
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    fclose(marks);
    qemu_plugin_scoreboard_free(executed.score);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                           char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "out=", 4)) marks = fopen(argv[i] + 4, "w");
    if (!marks) {
        fprintf(stderr, "count: give out=FILE, a file that can be written\n");
        return -1;
    }
    executed = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
