// Small files that only their owner may read. Whatever is in one may be a secret, and is wiped with the buffer that it
// is given in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apps/sotto/expected.h"
#include "sotto/secret.h"

namespace sotto::app {

// Whole, or not at all, also if the power fails: beside the old one, then in its place. Mode 0600.
Expected<void> write_private_file(const std::string& path, Bytes text);
// What is to be written there is its owner's alone, unless something stands there already. Who can't write there will
// find out by itself.
void make_private_file(const std::string& path);
// Nothing where there is no such file. An error if others than its owner may read it, or for more than 64 KiB.
Expected<std::optional<SecretBuffer>> read_private_file(const std::string& path);
// The first line of a file of the user's own, whatever its mode; an error if there is none.
Expected<SecretBuffer> read_first_line(const std::string& path);
std::string_view text_in(const SecretBuffer& file);

// A key in such a file: its hexadecimal digits and a line's end.
SecretBuffer to_hex_line(Bytes key);
// Whether `text` begins with the digits of a key of that size, which `key` holds then.
bool read_hex_line(Bytes text, MutableBytes key);

}  // namespace sotto::app
