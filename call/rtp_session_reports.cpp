// What both sides tell each other of the media: RTCP.
#include "call/rtp_session.h"

#include "transport/clock_sync.h"

namespace sotto::call {

Result<void> RtpSession::receive_rtcp(MutableBytes datagram, Ssrc ssrc, Instant now) {
    const bool audio = ssrc == audio_in_.stream.ssrc();
    if (!audio && ssrc != video_in_.stream.ssrc()) return Failure(Error::unknown_stream);

    ReceiveStream& in = audio ? audio_in_.stream : video_in_.stream;
    SendStream& out = audio ? audio_out_.stream : video_out_.stream;
    const auto report = in.open_rtcp(datagram, out.ssrc());
    if (!report) return Failure(report.error());

    learn_round_trip(*report, now);
    if (report->sender_info) in.sender_report(*report->sender_info, now, round_trip_.smoothed());
    if (report->report) out.stats.peer_loss = report->report->fraction_lost / 256.0;
    if (!audio) resend(std::span(report->nacks).first(report->nack_count), now);
    if ((report->picture_loss || report->full_intra_request) && !audio)
        video_out_.key_requested(now, round_trip_.for_repair());
    if (report->congestion) receive_congestion_feedback(*report->congestion, now);
    bye_received_ = bye_received_ || report->bye;
    return {};
}

void RtpSession::learn_round_trip(const transport::RtcpReport& report, Instant now) {
    if (!report.report) return;
    const auto measured = transport::round_trip(*report.report, transport::to_ntp(now - start_));
    if (measured) round_trip_.measured(*measured);
}

void RtpSession::receive_congestion_feedback(const transport::CongestionFeedback& told, Instant now) {
    budget_.feedback(told, now, round_trip_.smoothed());
    if (const auto measured = budget_.round_trip()) round_trip_.measured(*measured);
    follow_shares();
}

// RFC 4585 §3.5: feedback on loss goes out at once; RFC 5506: without a report, for these are many.
void RtpSession::send_feedback(Instant now) {
    const VideoReceiver::Feedback feedback = video_in_.feedback(now, round_trip_.for_repair());
    const bool due = arrivals_.due(now);
    if (!feedback.any() && !due) return;
    transport::CongestionFeedback arrived;
    if (due) arrivals_.fill(arrived, now, transport::to_ntp(now - start_));
    const auto kept = video_out_.stream.keep_report({.cname = cname_,
                                                     .media_source = video_in_.stream.ssrc(),
                                                     .nacks = feedback.nacks,
                                                     .picture_loss = feedback.picture_loss,
                                                     .congestion = due ? &arrived : nullptr,
                                                     .reduced = true});
    if (kept) {
        outbox_.push({.kind = Departure::Kind::video_report, .sequence = *kept});
    } else {
        ++refused_[kept.error()];
    }
}

void RtpSession::send_reports(Instant now, bool bye) {
    const auto send_one = [&](SendStream& out, ReceiveStream& in, std::optional<transport::SenderInfo> info,
                              Departure::Kind kind) {
        transport::RtcpOutgoing report{.sender_info = info, .cname = cname_, .media_source = in.ssrc(), .bye = bye};
        if (in.reception.packets() > 0) report.report = in.reception.report(now);
        const auto kept = out.keep_report(report);
        if (kept) {
            outbox_.push({.kind = kind, .sequence = *kept});
        } else {
            ++refused_[kept.error()];
        }
    };
    send_one(audio_out_.stream, audio_in_.stream, audio_out_.info(start_, now), Departure::Kind::audio_report);
    send_one(video_out_.stream, video_in_.stream, video_out_.info(start_, now), Departure::Kind::video_report);
}

void RtpSession::say_bye(Instant now) { send_reports(now, true); }

}  // namespace sotto::call
