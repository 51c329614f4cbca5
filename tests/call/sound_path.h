// Sound from the encoder to the ear over a network that a test describes, in virtual time.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "call/audio_receiver.h"
#include "call/audio_sender.h"
#include "codec/opus_encoder.h"
#include "support/random.h"
#include "transport/srtp.h"

namespace sotto::test::sound {

using namespace std::chrono_literals;

inline constexpr Ssrc ssrc{0x51515151};
inline constexpr Duration block = std::chrono::milliseconds(CallSettings{}.audio_block_ms);
inline constexpr Duration both_lengths[] = {10ms, 20ms};

inline std::size_t frames_of(Duration length) { return static_cast<std::size_t>(length / 1ms * 48); }

template <class Direction>
SrtpKey<Direction> key() {
    SrtpKey<Direction> key;
    for (std::byte& byte : key.fill()) byte = std::byte{7};
    return key;
}

// Speech at 48 kHz, or a voice-like buzz that glides where the recording is not there.
inline std::vector<std::int16_t> voice() {
    const std::filesystem::path path = std::filesystem::path(SOTTO_VECTORS) / "media/speech16k.wav";
    std::vector<std::int16_t> samples;
    if (std::ifstream file(path, std::ios::binary); file) {
        file.seekg(44);  // a plain header, 16 kHz mono
        std::int16_t before = 0;
        for (std::int16_t sample = 0; file.read(reinterpret_cast<char*>(&sample), 2); before = sample) {
            for (int third = 1; third <= 3; ++third) {
                samples.push_back(static_cast<std::int16_t>(before + (sample - before) * third / 3));
            }
        }
    }
    if (samples.size() >= 480000) return samples;
    MESSAGE("synthetic voice: ../shared/vectors is not there");
    samples.clear();
    for (int i = 0; i < 480000; ++i) {
        const double t = i / 48000.0, phase = 2 * 3.14159265 * (130 * t - 6 * std::cos(3 * t));
        double sum = 0;
        for (int harmonic = 1; harmonic < 20; ++harmonic) sum += std::sin(harmonic * phase) / harmonic;
        // A fifth of speech is pauses, most of them short.
        const double syllable = std::clamp(1.6 * std::sin(2 * 3.14159265 * 3.3 * t) + 1.2, 0.0, 1.0);
        samples.push_back(static_cast<std::int16_t>(3000 * sum * syllable * (0.55 + 0.45 * std::sin(9 * t))));
    }
    return samples;
}

struct Channel {
    std::function<call::AudioCopies(std::int64_t)> copies = [](std::int64_t) { return call::AudioCopies{}; };
    bool pairs = false;                                          // two blocks a packet
    Duration length = block;                                     // of a block, on the sender's clock
    Duration faster{};                                           // our clock than that, a block
    std::function<std::optional<Duration>(std::int64_t)> delay;  // of a packet; nothing if it is lost
    // The same of those that leave once more, where the copies say so: 1 is the first of them.
    std::function<std::optional<Duration>(std::int64_t, int)> again = [](std::int64_t, int) { return std::nullopt; };
};

inline double milliseconds(Seconds duration) { return duration.count() * 1e3; }

struct Heard {
    std::vector<std::int16_t> samples;
    ReceiveStats stats;
    RefusalCounts refused;
    std::map<Instant, Seconds> delays;  // by when the block was played: mean time its packets waited for that
    std::size_t times_played = 0;
    Seconds mouth_to_ear{};  // from a block's first sample to when it was played: sum

    double concealed_share() const {
        return static_cast<double>(stats.concealed_samples) / static_cast<double>(stats.total_samples_received);
    }
    double mean_wait_ms() const {
        return milliseconds(stats.jitter_buffer_delay) / static_cast<double>(stats.jitter_buffer_emitted_count);
    }
    double mean_mouth_to_ear_ms() const { return milliseconds(mouth_to_ear) / static_cast<double>(times_played); }
    double mean_wait_ms(Instant from, Instant to) const {
        double sum = 0, count = 0;
        for (auto i = delays.lower_bound(from); i != delays.lower_bound(to); ++i)
            sum += milliseconds(i->second), ++count;
        return sum / count;
    }
};

inline const Instant start{1000s};

struct InFlight {
    Instant arrives{};
    std::int64_t number = 0;
    Buffer datagram;
};

// Ten seconds of the voice, to be said again and again.
inline std::vector<Buffer> encoded_voice(Duration length) {
    const std::vector<std::int16_t> sound = voice();
    auto encoder = std::move(*codec::OpusEncoder::create(
        {.frame_ms = static_cast<int>(length / 1ms), .bitrate = 24000, .expected_loss = 0}));
    std::vector<Buffer> blocks;
    for (std::size_t at = 0; at < 480000; at += frames_of(length)) {
        Buffer packet(200);
        packet.resize(*encoder.encode({.samples = std::span(sound).subspan(at, frames_of(length))}, packet));
        blocks.push_back(std::move(packet));
    }
    return blocks;
}

// The packets that a sender makes of the voice, in the order in which they arrive.
inline std::vector<InFlight> sent_through(const Channel& channel, std::int64_t blocks) {
    static const std::vector<Buffer> short_blocks = encoded_voice(10ms), long_blocks = encoded_voice(20ms);
    const std::vector<Buffer>& voice_blocks = channel.length == 10ms ? short_blocks : long_blocks;
    auto srtp = std::move(*transport::SrtpSender::create(key<Sending>(), ssrc));
    call::EarlierBlocks earlier;
    std::vector<InFlight> packets;
    std::uint16_t sequence = 1000;
    for (std::int64_t n = 0; n < blocks; ++n) {
        const RtpTimestamp timestamp{static_cast<std::uint32_t>(n) *
                                     static_cast<std::uint32_t>(frames_of(channel.length))};
        const Buffer& said = voice_blocks[static_cast<std::size_t>(n) % voice_blocks.size()];
        if (channel.pairs && n % 2 == 0) {
            earlier.keep(said, timestamp);
            continue;
        }
        const call::AudioCopies copies = channel.copies(n);
        const auto leave = [&](const call::AudioCopies& in_front, std::optional<Duration> delay) {
            Buffer datagram(transport::max_datagram);
            const MutableBytes room = MutableBytes(datagram).subspan(transport::rtp_header_size, 1000);
            const std::size_t front = earlier.write(in_front, timestamp, said.size(), room);
            std::ranges::copy(said, room.subspan(front).begin());
            const transport::RtpHeader header{
                .payload_type = front > 0 ? call::redundant_payload_type : call::opus_payload_type,
                .sequence = SequenceNumber{sequence++},
                .timestamp = timestamp,
                .ssrc = ssrc};
            const std::size_t headers = *transport::write_rtp_header(header, datagram);
            datagram.resize(*srtp.protect_rtp(datagram, headers + front + said.size()));
            const Instant at = start + n * (channel.length + channel.faster);
            if (delay) packets.push_back({at + *delay, n, std::move(datagram)});
        };
        leave(channel.pairs ? call::AudioCopies{.count = 1 + 2 * copies.count} : copies.first(), channel.delay(n));
        earlier.keep(said, timestamp);
        for (int i = 1; i < copies.times; ++i) leave(copies.again(), channel.again(n, i));
    }
    std::ranges::sort(packets, {}, [](const InFlight& packet) { return std::pair(packet.arrives, packet.number); });
    return packets;
}

inline Heard hear(std::vector<InFlight> packets, Duration length = block) {
    auto receiver = std::move(*call::AudioReceiver::create(key<Receiving>(), ssrc, length, 1));
    call::TraceLog traces(nullptr);
    Heard heard;
    heard.samples.reserve(packets.size() * 1000);
    const Instant end = packets.back().arrives;
    auto packet = packets.begin();
    while (packet != packets.end() || receiver.deadline() <= end) {
        if (packet != packets.end() && packet->arrives <= receiver.deadline()) {
            const auto taken = receiver.receive(packet->datagram, packet->arrives, traces);
            if (!taken) ++heard.refused[taken.error()];
            ++packet;
            continue;
        }
        const Instant now = receiver.deadline();
        const ReceiveStats before = receiver.stats();
        const auto played = receiver.next(now, traces, heard.refused);
        REQUIRE(played);
        // A block, or as much as it was made shorter or longer, and no gap before the next one.
        const auto frames = static_cast<std::int64_t>(played->block.frames());
        REQUIRE(frames >= 120);
        REQUIRE(frames <= 960 + 720);
        REQUIRE((receiver.deadline() == never || receiver.deadline() == now + Duration(frames * 1s) / audio_rate));
        ++heard.times_played;
        heard.mouth_to_ear += now - (start - length + Duration(played->timestamp * 1s) / audio_rate);
        heard.samples.insert(heard.samples.end(), played->block.samples.begin(), played->block.samples.end());
        const ReceiveStats after = receiver.stats();
        const auto emitted = after.jitter_buffer_emitted_count - before.jitter_buffer_emitted_count;
        if (emitted > 0) {
            heard.delays[now] = (after.jitter_buffer_delay - before.jitter_buffer_delay) / static_cast<double>(emitted);
        }
    }
    heard.stats = receiver.stats();
    return heard;
}

inline Heard run(const Channel& channel, std::int64_t blocks) {
    return hear(sent_through(channel, blocks), channel.length);
}

inline Duration small_jitter(test::SeededRandom& random) { return std::chrono::microseconds(random.below(1500)); }

inline Duration exponential(test::SeededRandom& random, Duration mean) {
    const double uniform = (static_cast<double>(random.below(1000000)) + 1) / 1000001;
    return std::chrono::microseconds(static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(mean / 1us)));
}

// So many copies in each packet, of the blocks right before it.
inline std::function<call::AudioCopies(std::int64_t)> always(int copies) {
    return [copies](std::int64_t) { return call::AudioCopies{.count = copies}; };
}

}  // namespace sotto::test::sound
