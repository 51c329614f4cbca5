// A latency run as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bench/latency_run.h"

namespace sotto::bench {

struct LatencyEntry {
    LatencyPlan plan;
    std::string path;  // "process", "loopback" or "link"
    std::string link;  // its words
    LatencyResult result;
};

std::string run_name(const LatencyEntry& entry);
std::string to_text(const LatencyEntry& entry);
// One of "runs" in the file; bench/README.md says what its members mean.
nlohmann::json to_json(const LatencyEntry& entry);

}  // namespace sotto::bench
