// What sotto-bench can do besides its ratios: each adds its words to the command line and gives what to run if they
// were used. What runs gives the exit code.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace CLI {
class App;
}

namespace sotto::bench {

inline constexpr int exit_failed = 1;    // a benchmark could not run; never because of a figure
inline constexpr int exit_unusable = 2;  // an argument is no good

struct Command {
    CLI::App* words = nullptr;
    std::function<int()> run;
};
Command latency_command(CLI::App& app);
Command capacity_command(CLI::App& app);

// `results` with what every file says (schema, program, date, machine, build, libraries), as JSON and as a page with
// plots; an empty name is no file. Gives the exit code; throws std::runtime_error where a file cannot be written.
int write_results(const std::string& json, const std::string& html, const std::string& program, nlohmann::json results);

}  // namespace sotto::bench
