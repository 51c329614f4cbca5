// The subcommands that read results and measure nothing.
#pragma once

#include <optional>

namespace sotto::bench {

// `sotto-bench compare` and `sotto-bench html`: the exit code, or nothing where the arguments name neither.
// 0: done, and compare found nothing worse; 1: compare did, or a file could not be written; 2: an argument or a file is
// no good.
std::optional<int> results_command(int argc, char** argv);

}  // namespace sotto::bench
