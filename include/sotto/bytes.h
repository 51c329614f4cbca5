// The one alias for bytes seen, bytes written and bytes owned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sotto {

using Bytes = std::span<const std::byte>;   // a view of bytes somebody else owns
using MutableBytes = std::span<std::byte>;  // room to write into
using Buffer = std::vector<std::byte>;      // bytes we own

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span<const char>(text.data(), text.size())); }

inline Buffer to_buffer(Bytes bytes) { return Buffer(bytes.begin(), bytes.end()); }

}  // namespace sotto
