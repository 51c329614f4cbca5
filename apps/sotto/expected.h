// At the command line an error is one line that a person can read.
#pragma once

#include <expected>
#include <string>

namespace sotto::app {

template <class T>
using Expected = std::expected<T, std::string>;

}  // namespace sotto::app
