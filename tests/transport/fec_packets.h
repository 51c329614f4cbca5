// Packets to lose and to repair, as tests of forward error correction make and compare them.
#pragma once

#include <doctest/doctest.h>

#include <map>

#include "support/random.h"
#include "transport/fec.h"

namespace sotto::test {

using namespace transport;

struct Packet {
    SequenceNumber sequence{};
    RtpTimestamp timestamp{};
    bool marker = false;
    Buffer payload;

    FecSource source() const { return {sequence, timestamp, marker, payload}; }
    bool operator==(const Packet&) const = default;
};

// Packets under their unwrapped numbers: those sent, or those that came.
struct Packets final : FecSources {
    std::map<std::int64_t, Packet> packets;

    std::optional<FecSource> find(std::int64_t extended) const override {
        const auto found = packets.find(extended);
        if (found == packets.end()) return std::nullopt;
        return found->second.source();
    }
    std::vector<FecSource> window(std::int64_t first, std::size_t count) const {
        std::vector<FecSource> sources;
        for (std::size_t i = 0; i < count; ++i) sources.push_back(*find(first + static_cast<std::int64_t>(i)));
        return sources;
    }
};

inline Packet random_packet(std::int64_t extended, SeededRandom& random, std::size_t longest = max_media_payload) {
    Packet packet{SequenceNumber{static_cast<std::uint16_t>(extended)},
                  RtpTimestamp{static_cast<std::uint32_t>(random.below(std::size_t{1} << 32))}, random.chance(0.3),
                  Buffer(1 + random.below(longest))};
    random.fill(packet.payload);
    return packet;
}

inline Packets random_packets(std::int64_t first, std::size_t count, SeededRandom& random) {
    Packets sent;
    for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t extended = first + static_cast<std::int64_t>(i);
        sent.packets[extended] = random_packet(extended, random);
    }
    return sent;
}

inline Buffer repair(std::span<const FecSource> window, SequenceNumber own) {
    Buffer out(max_rtp_payload);
    const auto size = write_fec(window, own, out);
    REQUIRE(size);
    out.resize(*size);
    return out;
}

// Takes what the decoder gives, as a receiver does; false if something was not what was sent.
inline bool take_all(FecDecoder& decoder, Packets& came, const Packets& sent) {
    while (const auto recovered = decoder.next(came)) {
        const Packet packet{SequenceNumber{static_cast<std::uint16_t>(recovered->extended)}, recovered->timestamp,
                            recovered->marker, to_buffer(recovered->payload)};
        if (came.packets.contains(recovered->extended) || packet != sent.packets.at(recovered->extended)) return false;
        came.packets[recovered->extended] = packet;
    }
    return true;
}

inline constexpr std::int64_t soon_over_the_wrap = 65536 + 65500;

}  // namespace sotto::test
