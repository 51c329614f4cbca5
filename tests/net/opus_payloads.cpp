// The Opus packets of a call's sound in blocks of 20 ms, for tests/net to search for: samples on standard input (48
// kHz, mono, 16 bits of this machine's order), a line of hexadecimal digits a block on standard output. usage:
// net_opus_payloads BITS_A_SECOND
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "codec/opus_encoder.h"
#include "sotto/call.h"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const sotto::CallSettings call{.audio_block_ms = 20, .audio_bitrate = std::atoi(argv[1])};
    auto encoder = sotto::codec::OpusEncoder::create(
        {.channels = call.audio_channels, .frame_ms = call.audio_block_ms, .bitrate = call.audio_bitrate});
    // As the call says before the first block: nothing is known to be lost.
    if (!encoder || !encoder->set_expected_loss(0)) return 1;
    std::vector<std::int16_t> block(encoder->frames_per_block());
    std::array<std::byte, 1275> packet;
    while (std::fread(block.data(), sizeof(std::int16_t), block.size(), stdin) == block.size()) {
        const auto size = encoder->encode({.samples = block, .channels = call.audio_channels, .captured = {}}, packet);
        if (!size) return 1;
        for (std::size_t i = 0; i < *size; ++i) std::printf("%02x", std::to_integer<unsigned>(packet[i]));
        std::putchar('\n');
    }
    return 0;
}
