// Two Opus decoders that are fed the same packets, but one of them is spared those that are refused.
#pragma once

#include "codec/opus_decoder.h"
#include "fuzz/harness.h"

namespace sotto::fuzz {

class OpusRun {
  public:
    void step(Program& program) {
        const std::uint8_t kind = program.u8();
        const std::size_t block = kind / 4 % 2 == 0 ? 960 : 480;
        const Bytes packet = program.bytes(program.u8());
        switch (kind % 4) {
            case 0: both([&](auto& decoder, auto out) { return decoder.conceal(out.first(block)); }, block); break;
            case 1:
                both([&](auto& decoder, auto out) { return decoder.recover(packet, out.first(block)); }, block);
                break;
            default: both([&](auto& decoder, auto out) { return decoder.decode(packet, out); }, 0);
        }
    }

  private:
    static constexpr int channels = 2;
    using Samples = std::array<std::int16_t, 5760 * channels>;  // 120 ms, the longest packet there is

    // `block`: how much is filled, 0 if the packet says.
    void both(auto action, std::size_t block) {
        const auto frames = action(decoder_, std::span(samples_));
        if (!frames) return;
        check(block == 0 ? *frames <= samples_.size() / channels : *frames == block / channels);
        check(action(spared_, std::span(spared_samples_)) == frames);
        const std::size_t count = *frames * channels;
        check(std::ranges::equal(std::span(samples_).first(count), std::span(spared_samples_).first(count)));
    }

    codec::OpusDecoder decoder_ = std::move(*codec::OpusDecoder::create(channels));
    codec::OpusDecoder spared_ = std::move(*codec::OpusDecoder::create(channels));
    Samples samples_{}, spared_samples_{};
};

}  // namespace sotto::fuzz
