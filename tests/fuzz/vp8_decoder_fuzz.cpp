// VP8 frames in a row: every picture given has the size it was sent with and can be read to its last byte.
#include "codec/vp8_decoder.h"

#include "fuzz/picture.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto decoder = codec::Vp8Decoder::create();
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) {
        const Bytes frame = program.bytes(program.u16());
        if (fuzz::is_large(frame)) continue;
        const auto picture = decoder->decode(frame);
        if (!picture || !*picture) continue;
        fuzz::read_all(**picture);
        if (codec::is_key_frame(frame)) check(fuzz::has_coded_size(**picture, frame));
    }
    return 0;
}
