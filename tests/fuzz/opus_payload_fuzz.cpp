// Opus payloads: our check of a packet and libopus agree on what is one and how long it plays.
#include "transport/opus_payload.h"

#include "codec/opus_decoder.h"
#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto decoder = codec::OpusDecoder::create(1);
    static std::array<std::int16_t, 5760> samples;  // 120 ms, the longest packet there is
    const Bytes payload = fuzz::input(data, size);
    const auto parsed = transport::parse_opus(payload);
    const auto decoded = decoder->decode(payload, samples);
    check(parsed.has_value() == decoded.has_value());
    if (parsed) check(parsed->frames == *decoded && fuzz::inside(parsed->packet, payload));
    return 0;
}
