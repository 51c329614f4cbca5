// Small files that only their owner may read.
#pragma once

#include <optional>
#include <string>

#include "apps/sotto/expected.h"

namespace sotto::app {

// Whole, or not at all, also if the power fails: beside the old one, then in its place. Mode 0600.
Expected<void> write_private_file(const std::string& path, const std::string& text);
// What is to be written there is its owner's alone, unless something stands there already. Who can't write there will
// find out by itself.
void make_private_file(const std::string& path);
// Nothing where there is no such file. An error if others than its owner may read it, or for more than 64 KiB.
Expected<std::optional<std::string>> read_private_file(const std::string& path);
// The first line of a file of the user's own, whatever its mode; an error if there is none.
Expected<std::string> read_first_line(const std::string& path);

}  // namespace sotto::app
