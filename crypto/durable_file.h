// Small files that survive a crash and a loss of power whole, old or new; and files that come into being at once.
#pragma once

#include <optional>
#include <string>

#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::crypto {

// The file's bytes, nothing where there is no file. Errors: too_large (more than `limit`), io_failed.
Result<std::optional<Buffer>> read_small_file(const std::string& path, std::size_t limit);

// Puts a file with these bytes in the place of whatever stands there, mode 0600. Error::io_failed.
Result<void> replace_file(const std::string& path, Bytes bytes);

// An empty file with a name of its own in the folder of `path`, mode 0600; gives its path. Error::io_failed.
Result<std::string> make_file_beside(const std::string& path);

// Gives the file at `from` the name `to`, durably. Error::unavailable if something stands there, io_failed.
Result<void> move_into_place(const std::string& from, const std::string& to);

}  // namespace sotto::crypto
