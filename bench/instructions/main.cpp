// sotto-instructions: runs one path for the script `bench/gate`, which counts its instructions from outside.
#include <cstdio>
#include <cstring>
#include <exception>

#include "bench/instructions/paths.h"

// The counters look for these two names: what runs between a call of the first and the next of the second counts.
extern "C" {
[[gnu::noinline]] void sotto_counted(const std::function<void()>& run) {
    run();
    __asm__ __volatile__("" ::: "memory");  // so that this returns, rather than becomes what it calls
}
[[gnu::noinline]] void sotto_not_counted() { __asm__ __volatile__(""); }
}

namespace sotto::bench {

std::span<const NamedPath> paths() {
    static constexpr std::array all{
        NamedPath{"protect", "a kept packet of 1100 bytes, out", 500, protect_path},
        NamedPath{"unprotect", "the same, in", 500, unprotect_path},
        NamedPath{"packetise", "a VP8 frame of 12 packets", 200, packetise_path},
        NamedPath{"assemble", "the same, in", 200, assemble_path},
        NamedPath{"audio buffer", "a block of 10 ms, put and got", 2000, audio_path},
        NamedPath{"congestion", "feedback of 50 packets", 100, congestion_path},
        NamedPath{"ratchet", "256 bytes sealed and opened", 40, ratchet_path},
        NamedPath{"repair", "a repair packet for 10", 50, repair_path},
    };
    return all;
}

namespace {

void run(const NamedPath& named) {
    const Path path = named.make();
    for (int i = 0; i < named.times; ++i) path.prepare(), path.run();
    for (int i = 0; i < named.times; ++i) {
        path.prepare();
        sotto_counted(path.run);
        sotto_not_counted();
    }
}

// Without arguments: what this is built for and by, and the paths with the times that each runs.
int main(int argc, char** argv) {
    if (argc == 1) {
        std::printf("%s\n", SOTTO_BUILT_BY);
        for (const NamedPath& path : paths()) std::printf("%s\t%d\t%s\n", path.name, path.times, path.what);
        return 0;
    }
    for (const NamedPath& path : paths()) {
        if (argc != 2 || std::strcmp(argv[1], path.name) != 0) continue;
        run(path);
        return 0;
    }
    std::fprintf(stderr, "usage: sotto-instructions [PATH]\n");
    return 2;
}

}  // namespace
}  // namespace sotto::bench

int main(int argc, char** argv) {
    try {
        return sotto::bench::main(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sotto-instructions: %s\n", error.what());
        return 1;
    }
}
