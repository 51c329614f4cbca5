// The way out of one block of sound: capture -> codec -> (copies of the blocks before) -> protect -> queue. Where the
// path is narrow, short blocks go in pairs: half the headers, and sound that is heard as late as with long blocks.
// Where it is hardly wider than the headers, several become one packet of the codec's.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "call/audio_copies.h"
#include "call/outbox.h"
#include "call/send_stream.h"
#include "call/trace_log.h"
#include "codec/opus_encoder.h"
#include "sotto/call.h"
#include "transport/red.h"

namespace sotto::call {

inline constexpr PayloadType opus_payload_type{
    111};  // fixed for every call: nothing to negotiate, nothing to downgrade
inline constexpr PayloadType redundant_payload_type{112};  // RFC 2198, blocks of the type above

// The encoded blocks before the present one, to travel once more in front of it (RFC 2198).
class EarlierBlocks {
  public:
    // Writes the headers and the `copies`, oldest first, as far as they leave `reserve` bytes of `room`; the present
    // block, which began at `timestamp` and may be kept already, goes behind. Gives the bytes written: none if there is
    // no copy.
    std::size_t write(const AudioCopies& copies, RtpTimestamp timestamp, std::size_t reserve, MutableBytes room) const;
    // The present block becomes an earlier one. What RFC 2198 §3 can't carry (over 1023 bytes) ends the row.
    void keep(Bytes block, RtpTimestamp timestamp);

  private:
    struct Block {
        RtpTimestamp timestamp{};
        std::uint16_t size = 0;
        std::array<std::byte, transport::max_red_block_size> bytes{};
    };
    static constexpr int most = AudioCopies::furthest + 1;  // with the present one

    const Block& before(int steps) const { return blocks_[(kept_ - static_cast<std::size_t>(steps)) % blocks_.size()]; }

    std::array<Block, most> blocks_{};
    std::size_t kept_ = 0;  // blocks so far
    int in_a_row_ = 0;      // of the newest, that can be copied
};

class AudioSender {
  public:
    static Result<AudioSender> create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                      Random& random);

    // Errors: wrong_state (not enabled), unsupported_media (not one block of the settings), codec_failed.
    Result<void> send(const AudioBlock& block, Instant now, TraceLog& traces, Outbox& outbox);
    std::optional<transport::SenderInfo> info(Instant start, Instant now) const;

    // From the next packet on; each is brought into its range, and does nothing while no sound is sent.
    void set_copies(const AudioCopies& copies);
    // Two blocks a packet: blocks of 10 ms only, others are long enough.
    void set_pairs(bool pairs);
    // One packet of the codec's for 40 or 60 ms, without copies of others: the fewest headers, and the most that the
    // codec makes of few bits. 0: a packet for each block, or for two.
    void set_long(int packet_ms);
    void set_bitrate(int bits_per_second);  // of the codec, copies not counted; 8,000 or more
    // Of our packets, 0 to 1: steers the codec's in-band FEC, which takes its bits from the block it goes with, and
    // brings nothing that a copy doesn't.
    void set_loss(double share);

    const AudioCopies& copies() const { return copies_; }
    std::size_t memory() const { return stream.memory() + gathered_.capacity() * sizeof(std::int16_t); }
    bool pairs() const { return pairs_; }
    bool is_long() const { return long_ms_ > 0; }
    int packet_ms() const { return long_ms_ > 0 ? long_ms_ : block_ms_ * (pairs_ ? 2 : 1); }
    int packets_a_second() const { return encoder_ ? 1000 / packet_ms() : 0; }
    int most_bitrate() const { return most_bitrate_; }
    int bitrate() const { return encoder_ ? encoder_->settings().bitrate : 0; }

    SendStream stream;

  private:
    AudioSender(SendStream&& out, std::optional<codec::OpusEncoder>&& encoder);
    AudioCopies in_front() const;
    struct Packet {
        PayloadType type{};
        RtpTimestamp timestamp{};
        std::size_t size = 0;   // of its payload; 0: it waits for more blocks
        std::size_t front = 0;  // of that, copies
    };
    Result<Packet> encode(const AudioBlock& block);
    void send_again(const Packet& packet, Bytes payload, Instant now, Outbox& outbox);
    SequenceNumber keep_again(const Packet& packet, Bytes payload);
    Result<Packet> gather(const AudioBlock& block);

    std::optional<codec::OpusEncoder> encoder_;
    EarlierBlocks earlier_;
    AudioCopies copies_;
    bool pairs_ = false;
    bool unsent_ = false;  // the last block waits for the next one, to go in its packet
    bool begun_ = false;
    int block_ms_ = 0;
    int long_ms_ = 0;                     // of the next packet; 0: it is not a long one
    int gathering_ms_ = 0;                // of the present one
    std::vector<std::int16_t> gathered_;  // blocks of a long packet that is not full yet
    int most_bitrate_ = 0;
    std::uint64_t samples_ = 0;  // before the next block, at 48 kHz
    std::uint32_t blocks_ = 0;
    Instant last_captured_{};  // of the last block's first sample
    RtpTimestamp last_timestamp_{};
};

}  // namespace sotto::call
