// What a call has done so far, as counters that only grow and a few present values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sotto/error.h"
#include "sotto/time.h"

namespace sotto {

// Everything that was refused, by cause. Nothing is dropped without a count here.
struct RefusalCounts {
    std::array<std::uint64_t, error_count> by_error{};

    std::uint64_t& operator[](Error error) { return by_error[static_cast<std::size_t>(error)]; }
    std::uint64_t operator[](Error error) const { return by_error[static_cast<std::size_t>(error)]; }
    std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : by_error) sum += count;
        return sum;
    }
};

struct SendStats {
    std::uint64_t frames = 0;          // blocks or frames encoded and packetised
    std::uint64_t frames_dropped = 0;  // left out by the encoder's rate control
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  // of RTP payload
    std::uint64_t retransmitted = 0;
    std::uint64_t parity = 0;      // video: repair packets sent ahead of any request
    std::uint64_t unrepaired = 0;  // asked for again in vain: forgotten, sent a moment ago, or more than we repair
    std::uint64_t overrun = 0;     // datagrams, reports included, overwritten before the client took them
    double peer_loss = 0;          // share of our packets the peer last reported lost, 0 to 1
};

struct ReceiveStats {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;             // of RTP payload
    std::uint64_t expected = 0;          // packets the peer has sent, as far as we know
    std::uint64_t frames = 0;            // blocks played or frames shown
    std::uint64_t concealed = 0;         // audio: blocks played without their own packet
    std::uint64_t recovered = 0;         // audio: of those, from the next packet's FEC
    std::uint64_t redundant_used = 0;    // audio: lost or late blocks that a copy in a later packet stood in for
    std::uint64_t redundant_unused = 0;  // audio: copies of blocks that were there, or whose turn had passed
    std::uint64_t skipped = 0;           // video: frames given up; audio: blocks dropped to reduce delay
    std::uint64_t nacked = 0;            // packets asked for again
    std::uint64_t repaired = 0;          // video: packets brought back by repair packets
    std::uint64_t given_up = 0;          // video: missing packets no longer asked for, after many tries or out of reach
    std::uint64_t key_requests = 0;
    Duration jitter{};         // interarrival jitter, RFC 3550 §6.4.1
    Duration playout_delay{};  // audio: the jitter buffer's target
    // Audio, as in W3C webrtc-stats: samples a channel at 48 kHz. The delays are sums over the samples emitted: divide
    // their growth by that of jitter_buffer_emitted_count.
    std::uint64_t total_samples_received = 0;  // played, concealed ones too
    std::uint64_t concealed_samples = 0;       // invented by the decoder; none of what a copy or FEC gave back
    std::uint64_t inserted_samples_for_deceleration = 0;
    std::uint64_t removed_samples_for_acceleration = 0;
    std::uint64_t jitter_buffer_emitted_count = 0;
    Duration jitter_buffer_delay{};         // from the packet's arrival until the sample is played
    Duration jitter_buffer_target_delay{};  // that was aimed at
};

struct CallStats {
    SendStats audio_sent{}, video_sent{};
    ReceiveStats audio_received{}, video_received{};
    RefusalCounts refused{};
    std::optional<Duration> round_trip{};  // nothing before the first report about us
    int available_outgoing_bitrate = 0;    // bit/s that the path is held to take, for all we send
    Duration queueing_delay{};             // that our packets stand in on their way, smoothed
    std::uint64_t feedback_refused = 0;    // what the peer said of our packets' arrival that cannot be, and left out
    std::uint32_t epoch = 0;               // of the media keys that we send under: MediaEpoch::number()
    std::uint64_t epochs_begun = 0;        // by us, the first included
    std::uint64_t generations_agreed = 0;  // of media keys, the first included
    std::size_t memory = 0;                // bytes held for packets and frames, codecs excluded
};

}  // namespace sotto
