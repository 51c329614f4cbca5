// What a call has done so far, put together from its parts.
#include "call/rtp_session.h"

namespace sotto::call {
namespace {

// What the repair stream sent counts with the medium that it is for.
void add_repair(SendStats& video, const SendStats& repair) {
    video.packets_sent += repair.packets_sent;
    video.bytes_sent += repair.bytes_sent;
    video.header_bytes_sent += repair.header_bytes_sent;
    video.retransmitted_packets_sent = repair.retransmitted_packets_sent;
    video.retransmitted_bytes_sent = repair.retransmitted_bytes_sent;
    video.total_packet_send_delay += repair.total_packet_send_delay;
    video.fec_packets_sent = repair.fec_packets_sent;
}

}  // namespace

void RtpSession::add_to(CallStats& stats) const {
    stats.timestamp = polled_;
    stats.audio_sent = audio_out_.stream.stats;
    stats.audio_sent.target_bitrate = audio_out_.bitrate();
    stats.audio_sent.overrun = outbox_.audio_overrun();
    stats.video_sent = video_out_.stats(polled_);
    stats.video_sent.overrun = outbox_.video_overrun();
    add_repair(stats.video_sent, repair_out_.stream.stats);
    stats.audio_at_peer = audio_at_peer_;
    stats.video_at_peer = video_at_peer_;
    stats.audio_received = audio_in_.stats();
    stats.video_received = video_in_.stats(polled_);
    repair_in_.add_to(stats.video_received);
    stats.current_round_trip_time = round_trip_.smoothed();
    stats.available_outgoing_bitrate = budget_.target();
    stats.queueing_delay = budget_.queueing_delay();
    stats.feedback_refused = budget_.told().impossible + budget_.told().clock_leaps + budget_.told().left_out;
    stats.lip_sync = video_in_.lip_sync.skew(polled_);
    epochs_.add_to(stats);
    for (std::size_t i = 0; i < error_count; ++i) stats.refused.by_error[i] += refused_.by_error[i];
    stats.memory += sizeof(*this) + audio_out_.memory() + video_out_.stream.memory() + repair_out_.stream.memory() +
                    audio_in_.memory() + video_in_.memory() + repair_in_.memory() + budget_.memory() +
                    arrivals_.memory();
}

}  // namespace sotto::call
