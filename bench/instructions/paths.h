// The paths whose instructions are counted: what every packet, block or signal goes through, the same at every run.
#pragma once

#include <functional>
#include <span>

namespace sotto::bench {

// `run` does one piece of the work, which is counted; `prepare` what comes before it and is not.
struct Path {
    std::function<void()> prepare;
    std::function<void()> run;
};

struct NamedPath {
    const char* name;
    const char* what;
    int times;  // counted, after as many that are not
    Path (*make)();
};

// Pictures and sound, packet by packet (media_paths.cpp).
Path protect_path();
Path unprotect_path();
Path packetise_path();
Path assemble_path();
Path audio_path();
// What steers, hides and repairs (control_paths.cpp).
Path congestion_path();
Path ratchet_path();
Path repair_path();

std::span<const NamedPath> paths();

}  // namespace sotto::bench
