// Holds Opus packets until their turn. The target delay follows the jitter; what is missing at its turn is recovered
// from the next packet's FEC or concealed, and late packets are counted.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/time.h"
#include "transport/rtp.h"

namespace sotto::transport {

struct AudioJitterBufferSettings {
    Duration block = std::chrono::milliseconds(20);    // what next() plays each time
    Duration minimum = std::chrono::milliseconds(20);  // bounds of the target delay
    Duration maximum = std::chrono::milliseconds(400);
};

// What to play next.
struct AudioTurn {
    enum class Kind {
        decode,   // `packet` is the block
        recover,  // the block is lost; `packet` is the one after it, whose FEC may hold it
        conceal,  // nothing known: packet loss concealment
    };
    Kind kind = Kind::conceal;
    Bytes packet{};            // views the buffer until the next insert() or next()
    RtpTimestamp timestamp{};  // of the block to play
};

class AudioJitterBuffer {
  public:
    explicit AudioJitterBuffer(const AudioJitterBufferSettings& settings);

    // One authentic packet; `extended` is its unwrapped sequence number. Copies the payload.
    // Errors: truncated, malformed (not an Opus packet, or not `block` long), too_late, replayed, too_large.
    Result<void> insert(const RtpPacket& packet, std::int64_t extended, Instant now);

    // The block whose turn it is, or nothing when its turn has not come (see deadline()).
    std::optional<AudioTurn> next(Instant now);
    // When the next block is due; `never` before the first packet.
    Instant deadline() const { return due_; }

    Duration target() const { return target_; }
    std::uint64_t concealed() const { return concealed_; }  // turns without their own packet, recovered ones too
    std::uint64_t recovered() const { return recovered_; }
    std::uint64_t dropped() const { return dropped_; }  // numbers skipped because the delay shrank
    std::size_t memory() const;

  private:
    enum class Step { consume, stretch, drop };

    void start(std::int64_t number, RtpTimestamp timestamp, Instant now);
    void measure(std::int64_t number, Instant now);
    void limit_delay(Instant now);
    Instant earliest(std::int64_t number) const;
    Duration delay() const { return due_ - earliest(next_); }
    Step choose_step(bool present, bool successor);
    RtpTimestamp timestamp_of(std::int64_t number) const;

    struct Slot {
        std::int64_t number = -1;
        RtpTimestamp timestamp{};
        std::uint16_t size = 0;
    };
    std::size_t place(std::int64_t number) const { return static_cast<std::size_t>(number) % slots_.size(); }
    const Slot* find(std::int64_t number) const;
    Bytes packet(const Slot& slot) const;

    static constexpr std::size_t slot_bytes = 1276;  // the largest frame (RFC 6716 §3.4 [R2]) and its TOC
    AudioJitterBufferSettings settings_;
    std::vector<Slot> slots_;
    std::vector<std::byte> bytes_;
    Instant due_ = never;
    Duration target_;
    std::int64_t next_ = -1;     // the number to play next; -1 before the first packet
    std::int64_t highest_ = -1;  // the highest number taken in
    // The arrival line: packet `origin_` at `origin_time_` had the least delay seen; later ones lie `block` apart.
    std::int64_t origin_ = 0;
    Instant origin_time_{};
    RtpTimestamp origin_timestamp_{};
    Duration jitter_{};          // decaying maximum of the delay over that line
    Duration earlier_jitter_{};  // the same of the lines before it
    bool waiting_ = false;       // the line's first packet has not had its turn
    int excess_turns_ = 0;       // in a row with more delay than the target asks for
    int loss_turns_ = 0;         // left of the time for which a loss is remembered
    int empty_turns_ = 0;        // in a row with nothing in the buffer
    std::uint64_t concealed_ = 0;
    std::uint64_t recovered_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace sotto::transport
