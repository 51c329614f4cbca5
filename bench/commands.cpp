#include "bench/commands.h"

#include <cstdio>
#include <fstream>

#include "bench/machine.h"

namespace sotto::bench {

int write_json(const std::string& file, const std::string& program, nlohmann::json results) {
    results["schema"] = 2;
    results["program"] = program;
    results.update(describe_machine().to_json());
    std::ofstream out(file);
    out << results.dump(1) << "\n";
    if (out.flush()) return 0;
    std::fprintf(stderr, "sotto-bench: cannot write %s\n", file.c_str());
    return exit_failed;
}

}  // namespace sotto::bench
