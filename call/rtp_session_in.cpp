// The way of a datagram into the call.
#include "call/rtp_session.h"

#include <algorithm>

#include "base/byte_reader.h"

namespace sotto::call {
namespace {

// The SSRC a datagram claims: at byte 8 in RTP, at byte 4 in RTCP.
Result<Ssrc> claimed_ssrc(Bytes datagram, bool rtcp) {
    ByteReader in(datagram);
    if (!in.take(rtcp ? 4 : 8)) return Failure(Error::truncated);
    const auto ssrc = in.u32();
    if (!ssrc) return Failure(ssrc.error());
    return Ssrc{*ssrc};
}

}  // namespace

Result<void> RtpSession::receive(Bytes datagram, Instant now) {
    quiet_until_ = Instant::min();
    const auto open = [&]() -> Result<void> {
        if (datagram.size() > scratch_.size()) return Failure(Error::too_large);
        const bool rtcp = transport::is_rtcp(datagram);
        const auto ssrc = claimed_ssrc(datagram, rtcp);
        if (!ssrc) return Failure(ssrc.error());
        std::copy_n(datagram.data(), datagram.size(), scratch_.data());
        const MutableBytes copy = std::span(scratch_).first(datagram.size());
        return rtcp ? receive_rtcp(copy, *ssrc, now) : receive_rtp(copy, *ssrc, now);
    };
    Result<void> received = open();
    // Keys to come are made in poll(); packets may have come faster than the client polls.
    if (!received && received.error() == Error::unknown_epoch && epochs_.lacks_next()) {
        if (epochs_.hold_next(streams())) received = open();
    }
    epochs_.received(streams(), now);
    if (received) {
        last_received_ = now;
        polled_dry_ = false;
    } else {
        ++refused_[received.error()];
    }
    return received;
}

Result<void> RtpSession::receive_rtp(MutableBytes datagram, Ssrc ssrc, Instant now) {
    // Only what the peer's offer or answer named: our user agreed to nothing else.
    const bool audio = theirs_.audio && ssrc == audio_in_.stream.ssrc();
    const bool video = theirs_.video && ssrc == video_in_.stream.ssrc();
    const bool repair = theirs_.video && ssrc == repair_in_.stream.ssrc();
    if (!audio && !video && !repair) return Failure(Error::unknown_stream);

    ReceiveStream& in = audio ? audio_in_.stream : video ? video_in_.stream : repair_in_.stream;
    const std::uint64_t before = in.reception.packets();
    const SequenceNumber number{*ByteReader(datagram.subspan(2)).u16()};  // in clear (RFC 3711 §3.1)
    const auto received = audio   ? audio_in_.receive(datagram, now, traces_)
                          : video ? receive_video(datagram, now)
                                  : receive_repair(datagram, now);
    if (audio && received) budget_.heard(audio_in_.received_until(), now);
    // It came, and took its share of the path, even if it is of no use any more.
    if (in.reception.packets() != before) {
        arrivals_.received(ssrc, number, datagram.size(), now);
        budget_.came(datagram.size(), now);
        if (budget_.way_back_narrowed()) audio_in_.note_queue(now);
    }
    return received;
}

Result<void> RtpSession::receive_video(MutableBytes datagram, Instant now) {
    const auto received = video_in_.receive(datagram, now, traces_);
    if (received) recover(now);
    return received;
}

Result<void> RtpSession::receive_repair(MutableBytes datagram, Instant now) {
    const auto packet = repair_in_.receive(datagram, video_in_.stream.newest(), now);
    if (!packet) return Failure(packet.error());
    video_in_.opened(traces_.stamp(now));
    const auto inserted = *packet ? video_in_.recovered(**packet, now, traces_) : Result<void>{};
    recover(now);
    return inserted;
}

void RtpSession::recover(Instant now) {
    while (repair_in_.holds()) {
        const auto packet = repair_in_.next(video_in_);
        if (!packet) return;
        const auto inserted = video_in_.recovered(*packet, now, traces_);
        if (!inserted) ++refused_[inserted.error()];
    }
}

}  // namespace sotto::call
