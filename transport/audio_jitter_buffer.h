// Holds Opus packets until their turn, and keeps the clock by which sound is played. The delay follows the arrivals: it
// asks for sound to be made longer or shorter. What is missing at its turn is taken from a copy in another packet, from
// the next packet's FEC, or concealed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/time.h"
#include "transport/arrival_delays.h"
#include "transport/rtp.h"

namespace sotto::transport {

struct AudioJitterBufferSettings {
    Duration block = std::chrono::milliseconds(20);   // what is played each time
    Duration minimum = std::chrono::milliseconds(5);  // bounds of the target delay
    Duration maximum = std::chrono::milliseconds(400);
};

// What to decode next.
struct AudioTurn {
    enum class Kind {
        decode,   // `packet` is the block
        recover,  // the block is lost; `packet` is the one after it, whose FEC holds it
        conceal,  // nothing known: packet loss concealment
    };
    enum class Scale { keep, shorten, stretch };
    Kind kind = Kind::conceal;
    Bytes packet{};                // views the buffer until the next insert() or next()
    int parts = 1;                 // blocks in it
    int part = 0;                  // which block of it: where the path is narrow a packet holds several
    RtpTimestamp timestamp{};      // of the block
    Instant arrived{};             // `packet`
    Scale scale = Scale::keep;     // of all that is held: what would bring the delay nearer to where it should be
    std::int64_t scale_limit = 0;  // samples a channel
    bool needed = false;           // longer sound, even if the splice is heard: else there is likely to be a hole
};

class AudioJitterBuffer {
  public:
    static constexpr Duration longest_packet = std::chrono::milliseconds(60);

    explicit AudioJitterBuffer(const AudioJitterBufferSettings& settings);

    // One authentic packet; `extended` is the number of its first block, counted by time. Copies the payload. Errors:
    // truncated, malformed (not an Opus packet, or not of one to longest_packet blocks), too_late, replayed, too_large.
    Result<void> insert(const RtpPacket& packet, std::int64_t extended, Instant now);
    // Whether this block came in time, of late.
    bool has(std::int64_t number) const { return find(number) != nullptr; }
    // A block that came as a copy in `carrier`, `back` packets later (RFC 2198), to be given before that packet's own
    // block. It fills a hole whose turn has not come, else it is counted as unused. Errors: truncated, malformed,
    // too_large.
    Result<void> insert_redundant(Bytes block, std::int64_t carrier, std::int64_t back, Instant now);

    // When sound is due: what to decode for it, to be asked again and again. Each turn is counted as a block of sound
    // held; scaled() tells if what is held became more or less.
    std::optional<AudioTurn> next(Instant now);
    void scaled(std::int64_t samples) { held_ += samples; }
    // Takes all that is held, when it is due: more is due when that has sounded.
    bool play(Instant now);
    // When sound is due; `never` before the first packet.
    Instant deadline() const { return due_; }

    Duration target() const;
    // Packets of all streams show that a queue grows before them: sound will come late that has not yet.
    void note_queue(Instant now) { queue_grew_ = now; }
    // Another bound of the target delay, above the minimum.
    void set_least_target(Duration least) { least_ = least; }
    std::int64_t held() const { return held_; }             // samples a channel, decoded and not yet played
    std::uint64_t concealed() const { return concealed_; }  // turns without their own packet, recovered ones too
    std::uint64_t recovered() const { return recovered_; }
    std::uint64_t dropped() const { return dropped_; }  // numbers skipped because they were older than the maximum
    std::uint64_t redundant_used() const { return redundant_used_; }
    std::uint64_t redundant_unused() const { return redundant_unused_; }
    std::size_t memory() const;

  private:
    void start(std::int64_t number, RtpTimestamp timestamp, Instant now);
    void note_playable(std::int64_t carrier, std::int64_t back, Instant now);
    void skip_waited(std::int64_t number);
    void limit_delay(std::int64_t newest, Instant now);
    void store(Bytes payload, std::int64_t number, int part, Instant now);
    Result<int> blocks_of(Bytes payload) const;
    bool brings_block_before(std::int64_t number) const;
    bool jumps_to(std::int64_t number) const;

    Instant free() const;  // when what is held has sounded
    Duration margin(std::int64_t number) const { return free() - delays_.earliest(number); }
    Duration least() const;
    bool should_grow(Duration margin) const;
    bool should_outlast(Duration known, Duration needed, Duration longer) const;
    bool should_wait() const;
    bool should_shrink(Duration margin) const;
    void take(AudioTurn& turn);
    void choose_scale(AudioTurn& turn, Duration margin);
    void shorten(AudioTurn& turn, Duration excess);
    RtpTimestamp timestamp_of(std::int64_t number) const;

    struct Slot {
        std::int64_t number = -1;
        std::int64_t playable = -1;  // the last number here that was noted as such
        Instant arrived{};
        std::uint16_t size = 0;
        std::uint8_t part = 0;  // of its packet
    };
    std::size_t place(std::int64_t number) const { return static_cast<std::size_t>(number) % slots_.size(); }
    const Slot* find(std::int64_t number) const;
    Bytes packet(const Slot& slot) const;

    AudioJitterBufferSettings settings_;
    std::int64_t block_samples_;
    std::size_t slot_bytes_;
    std::vector<Slot> slots_;
    std::vector<std::byte> bytes_;
    ArrivalDelays delays_;
    Instant due_ = never;
    Duration least_{};
    std::int64_t next_ = -1;     // the number to decode next; -1 before the first packet
    std::int64_t highest_ = -1;  // the highest number taken in
    std::int64_t origin_ = 0;    // the first since play began, or began anew
    RtpTimestamp origin_timestamp_{};
    std::int64_t held_ = 0;
    bool waiting_ = false;     // the first packet has not had its turn
    bool joining_ = false;     // what is held waits for the next block, to be shortened with it
    std::int64_t waited_ = 0;  // turns in a row for which `next_` was waited for, with nothing in the buffer
    Duration since_scaled_{};
    Instant queue_grew_ = Instant::min();  // last
    std::uint64_t concealed_ = 0;
    std::uint64_t recovered_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t redundant_used_ = 0;
    std::uint64_t redundant_unused_ = 0;
};

}  // namespace sotto::transport
