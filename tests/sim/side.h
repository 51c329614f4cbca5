// One of the two in a call, and what it saw and heard.
#pragma once

#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sotto/account.h"
#include "support/random.h"

namespace sotto::test {

// Tells two runs apart; FNV-1a, eight bytes at a time.
class Digest {
  public:
    void add(Bytes bytes) {
        for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data(), 8);
            add(word);
        }
        for (const std::byte b : bytes) add(std::to_integer<std::uint64_t>(b));
    }
    void add(std::uint64_t word) { value_ = (value_ ^ word) * 0x100000001b3; }
    std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

struct Side {
    explicit Side(std::uint64_t seed) : random(seed), account(Account::create(random)) {}

    void see(const ShownFrame& frame, Instant now) {
        if (shown++ > 0) longest_freeze = std::max(longest_freeze, now - last_shown);
        keys_shown += frame.encoded.key ? 1 : 0;
        last_shown = now;
        pictures.push_back({.at = now, .timestamp = frame.timestamp});
        const auto& luma = frame.picture.planes[0];
        for (int y = 0; y < frame.picture.height; ++y) {
            digest.add(std::as_bytes(std::span(luma.data + static_cast<std::size_t>(y) * luma.stride,
                                               static_cast<std::size_t>(frame.picture.width))));
        }
        digest.add(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    }
    void hear(const PlayedBlock& block, Instant now) {
        ++played;
        concealed += block.concealed ? 1 : 0;
        if (block.captured && !block.concealed) mouth_to_ear.push_back(now + clock - *block.captured);
        if (keeps_heard) heard.insert(heard.end(), block.block.samples.begin(), block.block.samples.end());
        digest.add(std::as_bytes(block.block.samples));
        digest.add(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    }

    struct Picture {
        Instant at{};                 // shown
        std::uint32_t timestamp = 0;  // RTP, of its capture
    };

    SeededRandom random;
    Account account;
    std::optional<Call> call{};
    Duration clock{};              // what this side's shows beyond the world's
    std::deque<Buffer> signals{};  // on their way to this side
    bool active = false;
    std::optional<Ended> ended{};
    std::string route{};
    std::string news{};  // of the connection and of pictures, a word each
    int shown = 0, keys_shown = 0, played = 0, concealed = 0, datagrams = 0, signals_sent = 0;
    Instant last_shown{};
    Duration longest_freeze{};
    std::vector<Picture> pictures{};
    bool keeps_heard = true;  // a long call's samples are many
    std::vector<std::int16_t> heard{};
    std::vector<Duration> mouth_to_ear{};  // of each block that was heard, as far as the call knows its capture
    Digest digest{};                       // of all that was shown and played, and when
    std::vector<Error> signal_errors{};
};

}  // namespace sotto::test
