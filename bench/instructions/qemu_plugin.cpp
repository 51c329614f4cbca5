// A plugin of qemu-user that counts what callgrind can't see on another architecture: the instructions that a program's
// own executable runs while sotto_counted() does, and how often it calls into its libraries meanwhile. Built by `gate`.
// The declarations are those of QEMU's plugin interface, version 1, for which Debian has no header.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
using PluginId = std::uint64_t;
enum class Registers { untouched };
void qemu_plugin_register_vcpu_tb_trans_cb(PluginId id, void (*translated)(PluginId, qemu_plugin_tb*));
std::size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, std::size_t index);
std::uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn* instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn* instruction, void (*executed)(unsigned cpu, void* data),
                                            Registers registers, void* data);
void qemu_plugin_register_atexit_cb(PluginId id, void (*at_exit)(PluginId, void*), void* data);
std::uint64_t qemu_plugin_start_code();  // of the executable; known once it runs
std::uint64_t qemu_plugin_end_code();
}

namespace {

// Of sotto_counted() and sotto_not_counted(), from the start of the executable's code, which may be anywhere.
std::int64_t from = 0, to = 0;
bool counting = false, inside = false;
std::uint64_t instructions = 0, calls = 0;

void counted(unsigned, void*) {
    inside = true;
    instructions += counting ? 1 : 0;
}
void elsewhere(unsigned, void*) {
    if (inside && counting) ++calls;
    inside = false;
}
void begin(unsigned, void*) { counting = true; }
void end(unsigned, void*) { counting = false; }

void translated(PluginId, qemu_plugin_tb* block) {
    for (std::size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
        qemu_plugin_insn* const instruction = qemu_plugin_tb_get_insn(block, i);
        const std::uint64_t address = qemu_plugin_insn_vaddr(instruction);
        const auto watch = [&](void (*executed)(unsigned, void*)) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, executed, Registers::untouched, nullptr);
        };
        const auto offset = static_cast<std::int64_t>(address - qemu_plugin_start_code());
        if (offset == from) watch(begin);
        if (offset == to) watch(end);
        watch(address >= qemu_plugin_start_code() && address < qemu_plugin_end_code() ? counted : elsewhere);
    }
}

void tell(PluginId, void*) {
    std::fprintf(stderr, "instructions %llu calls %llu\n", static_cast<unsigned long long>(instructions),
                 static_cast<unsigned long long>(calls));
}

}  // namespace

extern "C" {
[[gnu::visibility("default")]] extern const int qemu_plugin_version = 1;
// Arguments: from=OFFSET, to=OFFSET.
[[gnu::visibility("default")]] int qemu_plugin_install(PluginId id, const qemu_info_t*, int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
        if (std::strncmp(argv[i], "from=", 5) == 0) from = std::atoll(argv[i] + 5);
        if (std::strncmp(argv[i], "to=", 3) == 0) to = std::atoll(argv[i] + 3);
    }
    if (from == 0 || to == 0) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, tell, nullptr);
    return 0;
}
}
