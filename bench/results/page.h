// Results as one HTML page that needs nothing else: no file, no network.
#pragma once

#include <string>

#include "bench/results/comparison.h"

namespace sotto::bench {

std::string results_page(const Results& results);
std::string results_page(const Results& a, const Results& b, const ResultComparison& comparison);

// As JSON that may stand inside a <script> element: what could end the element, or begin a comment, is escaped. Text
// that is not UTF-8 is replaced.
std::string json_for_script(const nlohmann::json& value);

// For programs that have just measured: the page of what they wrote as JSON. Throws std::runtime_error.
void write_page(const nlohmann::json& results, const std::string& path);
// Throws std::runtime_error where the file cannot be written.
void write_file(const std::string& path, const std::string& text);

}  // namespace sotto::bench
