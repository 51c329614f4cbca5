// Forward error correction of the video stream (docs/protocol.md, "Repair"): repair packets, each a linear combination
// of a window of consecutive packets, and what brings lost packets back from them.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/error.h"
#include "transport/rtp.h"

namespace sotto::transport {

// A packet of the protected stream.
struct FecSource {
    SequenceNumber sequence{};
    RtpTimestamp timestamp{};
    bool marker = false;
    Bytes payload{};
};

inline constexpr std::size_t max_fec_window = 127;
inline constexpr std::size_t fec_header_size = 3;      // first sequence number, count
inline constexpr std::size_t fec_symbol_overhead = 6;  // marker and size, time stamp
static_assert(fec_header_size + fec_symbol_overhead == repair_overhead);

// The payload of the repair packet with the sequence number `own`; gives its size. Errors: invalid_argument (not 1 to
// 127 consecutive packets, or an empty one), too_large (a payload over max_media_payload, or for `out`).
Result<std::size_t> write_fec(std::span<const FecSource> window, SequenceNumber own, MutableBytes out);

// Who has the packets that came, by their unwrapped sequence numbers.
struct FecSources {
    virtual std::optional<FecSource> find(std::int64_t extended) const = 0;

  protected:
    ~FecSources() = default;
};

struct Recovered {
    std::int64_t extended = 0;
    RtpTimestamp timestamp{};
    bool marker = false;
    Bytes payload{};  // views the decoder until its next call
};

// What became of repair packets (each counts once), and how many packets they brought back.
struct FecCounts {
    std::uint64_t refused = 0;       // by insert()
    std::uint64_t unneeded = 0;      // nothing of the window was missing
    std::uint64_t used = 0;          // each brought one packet back
    std::uint64_t dropped = 0;       // made room for newer ones
    std::uint64_t out_of_reach = 0;  // needs packets too old to be held by anybody
    std::uint64_t contradicted = 0;  // not the sum of the packets it names
};

// Holds repair packets, in memory allocated once, until nothing of their windows is missing. Sources are looked up, not
// copied, and added to a repair packet once, when it has a part in bringing one back.
class FecDecoder {
  public:
    static constexpr std::size_t max_held = 24;
    // How far back lookups are expected to reach: the video jitter buffer's slots.
    static constexpr std::int64_t reach = 128;

    FecDecoder();

    // The payload of the authentic repair packet `own`. `highest_source`: the newest source packet's unwrapped number.
    // Errors: truncated, malformed (count), too_large, wrong_state (no source came yet), too_late (all out of reach).
    Result<void> insert(Bytes payload, SequenceNumber own, std::int64_t highest_source);

    // One packet brought back, the lowest number first; nothing when what is held does not suffice. Each costs one
    // repair packet. Call it when a source or repair packet came, until it gives nothing, with what it gave among the
    // sources. Bounded: max_held × 127 lookups, elimination in a matrix of bytes of max_held × (max_unknowns +
    // max_held), and at worst each held packet's window added up once.
    std::optional<Recovered> next(const FecSources& sources);

    std::size_t held() const { return held_; }
    const FecCounts& counts() const { return counts_; }
    std::size_t memory() const { return bytes_.size() + recovered_.size(); }  // bytes held

  private:
    static constexpr std::size_t max_symbol = fec_symbol_overhead + max_media_payload;
    static constexpr std::size_t max_unknowns = 48;  // looked at together

    using Window = std::bitset<max_fec_window>;
    struct Repair {
        std::int64_t first = 0;  // the window's first source
        std::uint16_t size = 0;  // of the symbol
        std::uint8_t count = 0;
        std::uint8_t row = 0;   // x of the Cauchy matrix
        std::uint8_t room = 0;  // which part of bytes_
        Window added{};         // sources that are subtracted from the symbol
        Window missing{};       // as of the present next()
    };
    struct System;
    using Members = std::bitset<max_held>;  // of repairs_

    MutableBytes symbol(const Repair& repair);
    void erase(std::size_t index);
    void look_up(const FecSources& sources);
    bool subtract(Repair& repair, const FecSources& sources);
    bool subtract(Repair& repair, std::size_t index, const FecSource& source);
    System eliminate() const;
    std::optional<Recovered> combine(const System& system, std::size_t row, std::int64_t number,
                                     const FecSources& sources);
    void settle(const Members& members, const std::optional<Recovered>& recovered);

    std::array<Repair, max_held> repairs_{};  // oldest first; behind them, whose room is free
    std::size_t held_ = 0;
    std::vector<std::byte> bytes_;
    std::vector<std::byte> recovered_;
    std::int64_t highest_ = -1;
    FecCounts counts_;
};

}  // namespace sotto::transport
