// One function a subject, each in the file of its name; main.cpp runs them.
#pragma once

#include "bench/report.h"
#include "bench/scene.h"

namespace sotto::bench {

// What every subject is given.
struct Run {
    const Scene& scene;
    Budget budget;  // for each comparison
    Report& report;
};

void measure_srtp_path(const Run& run);
void measure_srtp_cold(const Run& run);
void measure_epochs(const Run& run);
void measure_ratchet(const Run& run);
void measure_peers(const Run& run);
void measure_media_peers(const Run& run);
void measure_memory(const Run& run);
void measure_codec(const Run& run);
void measure_gf256(const Run& run);
void measure_trace(const Run& run);

}  // namespace sotto::bench
