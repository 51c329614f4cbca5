#include "bench/commands.h"

#include "bench/machine.h"
#include "bench/results/page.h"

namespace sotto::bench {

int write_results(const std::string& json, const std::string& html, const std::string& program,
                  nlohmann::json results) {
    results["schema"] = results_schema;
    results["program"] = program;
    results.update(describe_machine().to_json());
    if (!json.empty()) write_file(json, results.dump(1) + "\n");
    if (!html.empty()) write_page(results, html);
    return 0;
}

}  // namespace sotto::bench
