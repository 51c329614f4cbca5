// A connection to a relay: however its bytes are cut, messages end at the same places.
#include "transport/turn_stream.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Program program(fuzz::input(data, size));
    const std::size_t piece = std::size_t{1} + program.u8();
    const Bytes stream = program.rest();
    transport::TurnStream bytes, pieces;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        const Bytes next = stream.subspan(at, std::min(piece, stream.size() - at));
        for (std::size_t i = 0; i < next.size(); ++i) bytes.take(next.subspan(i, 1));
        pieces.take(next);
        check(bytes.between() == pieces.between());
    }
    return 0;
}
