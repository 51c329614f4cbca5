// IVF files, in which the VP8 conformance streams come: a 32-byte header, then each frame behind 12 bytes of its own,
// of which the first four are its size, little-endian.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "sotto/bytes.h"

namespace sotto::test {

inline std::vector<Buffer> ivf_frames(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    const Bytes bytes = std::as_bytes(std::span(content));
    std::vector<Buffer> frames;
    for (std::size_t at = 32; at + 12 <= bytes.size();) {
        std::size_t size = 0;
        for (std::size_t i = 4; i-- > 0;) size = size << 8 | std::to_integer<std::size_t>(bytes[at + i]);
        if (size > bytes.size() - at - 12) break;
        frames.push_back(to_buffer(bytes.subspan(at + 12, size)));
        at += 12 + size;
    }
    return frames;
}

}  // namespace sotto::test
