// Where messages end on a connection to a relay.
#include "transport/turn_stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace sotto;
using sotto::transport::TurnStream;

namespace {

std::vector<std::byte> message(std::byte first, std::size_t size, std::size_t in_all) {
    std::vector<std::byte> bytes(in_all, std::byte{0x55});
    bytes[0] = first;
    bytes[2] = static_cast<std::byte>(size >> 8);
    bytes[3] = static_cast<std::byte>(size & 0xff);
    return bytes;
}

}  // namespace

TEST_CASE("however a relay's connection cuts them, one is between two messages only where one has ended") {
    std::vector<std::byte> stream;
    std::vector<std::size_t> ends{0};
    for (const auto& next :
         {message(std::byte{0x00}, 0, 20), message(std::byte{0x01}, 300, 320), message(std::byte{0x40}, 0, 4),
          message(std::byte{0x40}, 5, 12), message(std::byte{0x4f}, 8, 12), message(std::byte{0x00}, 8, 28)}) {
        stream.insert(stream.end(), next.begin(), next.end());
        ends.push_back(stream.size());
    }
    for (std::size_t piece : {1U, 2U, 3U, 5U, 7U, 64U, 1000U}) {
        TurnStream cut;
        CHECK(cut.between());
        for (std::size_t at = 0; at < stream.size();) {
            const Bytes next = Bytes(stream).subspan(at, std::min(piece, stream.size() - at));
            cut.take(next);
            at += next.size();
            CHECK(cut.between() == (std::ranges::find(ends, at) != ends.end()));
        }
    }
}
