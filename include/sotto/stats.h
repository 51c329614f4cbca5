// What a call has done so far, as counters that only grow and a few present values. Names, meanings and units are those
// of W3C webrtc-stats (https://www.w3.org/TR/webrtc-stats/), written as C++ writes names: packets_sent is packetsSent.
// What stands under "Ours" is no part of it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
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

// The unit of every time in the standard.
using Seconds = std::chrono::duration<double>;

// RTCQualityLimitationReason.
enum class QualityLimitationReason : std::uint8_t { none, cpu, bandwidth, other };
inline constexpr std::size_t quality_limitation_reasons = 4;

// RTCOutboundRtpStreamStats of one medium. Retransmissions and repair packets, which travel in a stream of their own,
// count as the standard wants it: with the medium that they are for.
struct SendStats {
    std::uint64_t packets_sent = 0;
    std::uint64_t bytes_sent = 0;         // of RTP payload
    std::uint64_t header_bytes_sent = 0;  // the rest of these datagrams: RTP header, SRTP's tag and key identifier
    std::uint64_t retransmitted_packets_sent = 0;
    std::uint64_t retransmitted_bytes_sent = 0;  // of RTP payload
    double target_bitrate = 0;                   // bit/s that the encoder aims at
    Seconds total_packet_send_delay{};           // from packetising until the client took the datagram, summed
    std::uint64_t nack_count = 0;                // NACK messages received
    // Video.
    std::uint64_t frames_sent = 0;  // audio: blocks, which the standard does not count
    std::uint64_t frames_encoded = 0;
    std::uint64_t key_frames_encoded = 0;
    std::uint64_t huge_frames_sent = 0;            // of at least 2.5 times the size that the bit rate allows on average
    std::uint64_t total_encoded_bytes_target = 0;  // that size, summed
    std::uint64_t qp_sum = 0;                      // of y_ac_qi, 0 to 127 (RFC 6386 §9.6)
    Seconds total_encode_time{};                   // by CallSettings::trace_clock: none without
    int frame_width = 0;                           // of the last frame encoded; 0 before
    int frame_height = 0;
    double frames_per_second = 0;  // encoded in the last second
    QualityLimitationReason quality_limitation_reason = QualityLimitationReason::none;
    std::array<Seconds, quality_limitation_reasons> quality_limitation_durations{};  // by reason, to the last frame
    std::uint64_t quality_limitation_resolution_changes = 0;                         // after the first frame
    std::uint64_t pli_count = 0;                                                     // received
    std::uint64_t fir_count = 0;                                                     // received
    // Ours.
    std::uint64_t fec_packets_sent = 0;  // video: repair packets sent ahead of any request
    std::uint64_t frames_dropped = 0;    // left out: by the encoder's rate control, or as the path had no room
    std::uint64_t unrepaired = 0;  // asked for again in vain: forgotten, sent a moment ago, or more than we repair
    std::uint64_t overrun = 0;     // datagrams, reports included, overwritten before the client took them
    int encoder_speed = 0;  // video: libvpx's cpu_used; falls when the device is too slow, rises for small pictures
};

// RTCRemoteInboundRtpStreamStats: what the peer has reported of a stream of ours.
struct RemoteReceiveStats {
    std::int64_t packets_lost = 0;
    Seconds jitter{};
    double fraction_lost = 0;                  // between its last two reports, 0 to 1
    std::optional<Seconds> round_trip_time{};  // by its last report that answers one of ours
    Seconds total_round_trip_time{};           // of all these, summed
    std::uint64_t round_trip_time_measurements = 0;
    // Ours.
    double decode_load = 0;  // video: the part of the time between two frames that its decoder takes; 0 unknown
};

// RTCInboundRtpStreamStats of one medium, with its retransmissions and repair packets. Of the media packets alone
//   packets_received - retransmitted_packets_received - fec_packets_received + packets_lost == packets_expected.
struct ReceiveStats {
    std::uint64_t packets_received = 0;
    std::int64_t packets_lost = 0;            // of the media packets; those that repair brought back too
    std::uint64_t packets_discarded = 0;      // media packets that came too late for their turn
    std::uint64_t bytes_received = 0;         // of RTP payload
    std::uint64_t header_bytes_received = 0;  // the rest of these datagrams
    Seconds jitter{};                         // RFC 3550 §6.4.1
    std::uint64_t nack_count = 0;             // NACK messages sent
    std::uint64_t retransmitted_packets_received = 0;
    std::uint64_t retransmitted_bytes_received = 0;
    std::uint64_t fec_packets_received = 0;
    std::uint64_t fec_bytes_received = 0;
    std::uint64_t fec_packets_discarded = 0;  // of no use: nothing was missing, or too late, or no room
    // Sums over what came out of the jitter buffer, frames or samples (a channel, at 48 kHz): divide their growth by
    // that of the count.
    std::uint64_t jitter_buffer_emitted_count = 0;
    Seconds jitter_buffer_delay{};         // audio: from the packet's arrival until the sample is played;
                                           // video: from its first packet's until the frame is decoded
    Seconds jitter_buffer_target_delay{};  // audio: that was aimed at; video: none is
    // Video.
    std::uint64_t frames_received = 0;  // complete, when it is their turn
    std::uint64_t frames_decoded = 0;
    std::uint64_t key_frames_decoded = 0;
    std::uint64_t frames_rendered = 0;  // given out by poll()
    std::uint64_t frames_dropped = 0;   // given up before decoding, as far as their end came
    std::uint64_t frames_assembled_from_multiple_packets = 0;
    Seconds total_assembly_time{};     // of those, from the first packet to the last
    Seconds total_processing_delay{};  // from a frame's first packet until it is decoded
    Seconds total_decode_time{};       // by CallSettings::trace_clock: none without
    std::uint64_t qp_sum = 0;          // of the frames decoded, as above
    int frame_width = 0;               // of the last frame decoded; 0 before
    int frame_height = 0;
    double frames_per_second = 0;                // decoded in the last second
    Seconds total_inter_frame_delay{};           // between frames rendered
    double total_squared_inter_frame_delay = 0;  // s²
    std::uint64_t freeze_count = 0;    // gaps of at least max(3 x mean, mean + 150 ms), the mean being that of
    Seconds total_freezes_duration{};  // the 30 gaps before; counted when they end
    std::uint64_t pause_count = 0;     // gaps of over 5 s, which are freezes, too
    Seconds total_pauses_duration{};
    std::uint64_t pli_count = 0;  // sent
    std::uint64_t fir_count = 0;  // sent: none, we ask by PLI
    // Audio.
    std::uint64_t total_samples_received = 0;    // played, concealed ones too
    Seconds total_samples_duration{};            // of these
    std::uint64_t concealed_samples = 0;         // invented by the decoder; none of what a copy or FEC gave back
    std::uint64_t silent_concealed_samples = 0;  // of these, silence
    std::uint64_t concealment_events = 0;        // runs of concealed samples
    std::uint64_t inserted_samples_for_deceleration = 0;
    std::uint64_t removed_samples_for_acceleration = 0;
    // Ours.
    std::uint64_t packets_expected = 0;  // media packets that the peer has sent, as far as we know
    std::uint64_t nacked = 0;            // packets asked for again
    std::uint64_t repaired = 0;          // video: packets brought back by repair packets
    std::uint64_t given_up = 0;          // video: missing packets no longer asked for, after many tries or out of reach
    std::uint64_t blocks_played = 0;     // audio
    std::uint64_t concealed = 0;         // audio: blocks played without their own packet
    std::uint64_t recovered = 0;         // audio: of those, from the next packet's FEC
    std::uint64_t redundant_used = 0;    // audio: lost or late blocks that a copy in a later packet stood in for
    std::uint64_t redundant_unused = 0;  // audio: copies of blocks that were there, or whose turn had passed
    std::uint64_t skipped = 0;           // audio: blocks dropped to reduce delay
    Seconds playout_delay{};             // audio: the jitter buffer's target now
};

struct CallStats {
    Instant timestamp{};  // of the last poll(): all of this is as of then
    SendStats audio_sent{}, video_sent{};
    RemoteReceiveStats audio_at_peer{}, video_at_peer{};
    ReceiveStats audio_received{}, video_received{};
    // RTCIceCandidatePairStats, for the one path there is.
    std::optional<Seconds> current_round_trip_time{};  // smoothed, by reports and feedback; nothing before the first
    double available_outgoing_bitrate = 0;             // bit/s that the path is held to take, for all we send
    // Ours.
    RefusalCounts refused{};
    Seconds queueing_delay{};              // that our packets stand in on their way, smoothed
    std::optional<Seconds> lip_sync{};     // by which pictures are shown later than their sound, smoothed
    std::uint64_t feedback_refused = 0;    // what the peer said of our packets' arrival that cannot be, and left out
    std::uint32_t epoch = 0;               // of the media keys that we send under: MediaEpoch::number()
    std::uint64_t epochs_begun = 0;        // by us, the first included
    std::uint64_t generations_agreed = 0;  // of media keys, the first included
    std::size_t memory = 0;                // bytes held for packets and frames, codecs excluded
};

}  // namespace sotto
