// What both sides tell each other of the media: RTCP.
#include "call/rtp_session.h"

#include <algorithm>

#include "transport/clock_sync.h"
#include "transport/rtp_clock.h"

namespace sotto::call {
namespace {

constexpr double load_unit = 1000;  // RtcpReport::decode_load

std::uint16_t to_told(double load) { return static_cast<std::uint16_t>(std::min(load * load_unit, 65535.0)); }

}  // namespace

Result<void> RtpSession::receive_rtcp(MutableBytes datagram, Ssrc ssrc, Instant now) {
    const bool audio = ssrc == audio_in_.stream.ssrc();
    if (!audio && ssrc != video_in_.stream.ssrc()) return Failure(Error::unknown_stream);

    ReceiveStream& in = audio ? audio_in_.stream : video_in_.stream;
    SendStream& out = audio ? audio_out_.stream : video_out_.stream;
    const auto report = in.open_rtcp(datagram, out.ssrc());
    if (!report) return Failure(report.error());

    if (report->report) learn(*report->report, audio, now);
    if (report->sender_info) in.sender_report(*report->sender_info, now, round_trip_.smoothed());
    // Each message counts once, as a compound packet of ours holds no two of a kind.
    if (report->nack_count > 0) ++out.stats.nack_count;
    if (report->picture_loss) ++out.stats.pli_count;
    if (report->full_intra_request) ++out.stats.fir_count;
    if (!audio) resend(std::span(report->nacks).first(report->nack_count), now);
    out.stats.unrepaired += report->nacks_left_out;
    if (!audio) follow_recovery(*report, now);
    if (!audio && report->decode_load) {
        video_at_peer_.decode_load = *report->decode_load / load_unit;
        video_out_.peer_decoded(video_at_peer_.decode_load, now);
    }
    if (report->congestion) receive_congestion_feedback(*report->congestion, now);
    bye_received_ = bye_received_ || report->bye;
    return {};
}

// Which pictures the peer holds, and which it lost.
void RtpSession::follow_recovery(const transport::RtcpReport& report, Instant now) {
    PictureRecovery& recovery = video_out_.recovery;
    if (report.golden) recovery.holds(*report.golden);
    if (report.picture_loss) recovery.picture_lost(report.golden, now, round_trip_.for_repair());
    // RFC 5104 §4.3.1: nothing but a key frame answers a FIR.
    if (report.full_intra_request) recovery.picture_lost(std::nullopt, now, round_trip_.for_repair());
}

void RtpSession::learn(const transport::ReportBlock& block, bool audio, Instant now) {
    RemoteReceiveStats& peer = audio ? audio_at_peer_ : video_at_peer_;
    peer.packets_lost = block.cumulative_lost;
    peer.jitter =
        Seconds(static_cast<double>(block.jitter) / (audio ? transport::audio_clock : transport::video_clock));
    peer.fraction_lost = block.fraction_lost / 256.0;
    const auto measured = transport::round_trip(block, transport::to_ntp(now - start_));
    if (!measured) return;
    round_trip_.measured(*measured);
    peer.round_trip_time = *measured;
    peer.total_round_trip_time += *measured;
    ++peer.round_trip_time_measurements;
}

void RtpSession::receive_congestion_feedback(const transport::CongestionFeedback& told, Instant now) {
    const bool held = budget_.hold(now);
    budget_.feedback(told, now, round_trip_.smoothed());
    if (const auto measured = budget_.round_trip()) round_trip_.measured(*measured);
    if (budget_.dropped()) {
        for (const transport::PacketResult& result : budget_.results()) {
            if (result.ssrc == video_out_.stream.ssrc() && !result.arrived)
                video_out_.recovery.dropped(result.sequence);
        }
    }
    if (const auto sent = budget_.dropped()) video_out_.recovery.dropped(*sent, now);
    // The sound behind has come, so pictures that nothing is told of are likely lost: the peer can't know of them yet.
    if (held && !budget_.hold(now) && !budget_.jitters()) video_out_.recovery.doubtful(video_out_.last_sent(), now);
    follow_shares();
}

// RFC 4585 §3.5: feedback on loss goes out at once; RFC 5506: without a report, for these are many.
void RtpSession::send_feedback(Instant now) {
    const bool due = arrivals_.due(now);
    const VideoReceiver::Feedback feedback = video_in_.feedback(now, round_trip_.for_repair(), due);
    if (!feedback.any() && !due) return;
    transport::CongestionFeedback arrived;
    if (due) arrivals_.fill(arrived, now, transport::to_ntp(now - start_));
    const auto kept = video_out_.stream.keep_report({.cname = cname_,
                                                     .media_source = video_in_.stream.ssrc(),
                                                     .nacks = feedback.nacks,
                                                     .picture_loss = feedback.picture_loss,
                                                     .golden = feedback.golden,
                                                     .golden_type = vp8_payload_type,
                                                     .congestion = due ? &arrived : nullptr,
                                                     .reduced = true});
    if (kept) {
        outbox_.push({.kind = Departure::Kind::video_report, .sequence = *kept, .queued = now});
    } else {
        ++refused_[kept.error()];
    }
}

void RtpSession::send_reports(Instant now, bool bye) {
    const auto send_one = [&](SendStream& out, ReceiveStream& in, std::optional<transport::SenderInfo> info,
                              Departure::Kind kind) {
        transport::RtcpOutgoing report{.sender_info = info, .cname = cname_, .media_source = in.ssrc(), .bye = bye};
        if (in.reception.packets() > 0) report.report = in.reception.report(now);
        if (kind == Departure::Kind::video_report) report.decode_load = video_in_.decode_load().transform(to_told);
        const auto kept = out.keep_report(report);
        if (kept) {
            outbox_.push({.kind = kind, .sequence = *kept, .queued = now});
        } else {
            ++refused_[kept.error()];
        }
    };
    send_one(audio_out_.stream, audio_in_.stream, audio_out_.info(start_, now), Departure::Kind::audio_report);
    send_one(video_out_.stream, video_in_.stream, video_out_.info(start_, now), Departure::Kind::video_report);
}

void RtpSession::say_bye(Instant now) { send_reports(now, true); }

}  // namespace sotto::call
