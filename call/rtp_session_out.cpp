// The way out of the call: what is sent, repaired and added, and the moment at which each packet leaves.
#include "call/rtp_session.h"

namespace sotto::call {
namespace {

// Of a picture before it leaves. Bounds of 100 and 300 ms left out more and made the others hardly sooner.
constexpr Duration too_long = std::chrono::seconds(1);

}  // namespace

// A frame may take more packets than its key has left.
void RtpSession::renew_spent_keys(Instant now) {
    if (!epochs_.may_be_spent() || !epochs_.spent(streams())) return;
    const auto begun = epochs_.begin_epoch(streams(), now);
    if (!begun) ++refused_[begun.error()];
}

Result<void> RtpSession::send(const VideoFrame& frame, Instant now) {
    polled_dry_ = false;
    // A picture that would only wait is better left out than late: the next one is newer.
    const bool held = budget_.hold(now);
    const bool sparse = held && now - video_out_.last_sent() < budget_.picture_hold().interval();
    const bool too_narrow = with_video_ && budget_.shares().video_bitrate == 0;
    if (too_narrow || sparse || budget_.wait_for(outbox_.paced()) >= too_long) {
        video_out_.leave_out();
        return {};
    }
    // The one before may be lost by now, and nobody could tell us: each of these few stands alone.
    video_out_.set_small(held);
    if (held) video_out_.recovery.doubtful(video_out_.last_sent(), now);
    const std::uint64_t frames = video_out_.stream.stats.frames_sent;
    const auto sent = video_out_.send(frame, now, traces_, outbox_);
    if (video_out_.stream.stats.frames_sent != frames) add_parity(now);
    return sent;
}

void RtpSession::add_parity(Instant now) {
    const std::uint8_t window = video_out_.parity_window();
    for (int left = budget_.parity_for(video_out_.frame_packets(), round_trip_.for_repair()); left > 0; --left) {
        outbox_.push(
            {.kind = Departure::Kind::parity, .window = window, .sequence = video_out_.newest(), .queued = now});
    }
}

Result<void> RtpSession::send(const AudioBlock& block, Instant now) {
    polled_dry_ = false;
    if (budget_.hold(now) && (!audio_out_.pairs() || budget_.picture_hold().holds_all())) follow_shares();
    return audio_out_.send(block, now, traces_, outbox_);
}

// RFC 4588: what the peer asks for again travels in the repair stream.
void RtpSession::resend(std::span<const SequenceNumber> numbers, Instant now) {
    budget_.asked(numbers.size());
    const bool recovery_comes =
        video_out_.recovery.asked(numbers, video_out_.frame_packets(), now, round_trip_.for_repair());
    // What would only wait does not come in time; it would keep newer pictures waiting.
    const bool too_narrow = with_video_ && budget_.shares().video_bitrate == 0;
    if (recovery_comes || too_narrow || budget_.hold(now) || budget_.overfull() ||
        budget_.wait_for(outbox_.paced()) >= too_long) {
        video_out_.stream.stats.unrepaired += numbers.size();
        return;
    }
    for (const SequenceNumber number : numbers) {
        if (!video_out_.stream.may_repair(number, now, round_trip_.for_repair())) continue;
        outbox_.push({.kind = Departure::Kind::retransmission, .sequence = number, .queued = now});
    }
}

// The path may take more than our pictures show: more repair packets show it, and are of use at the same time.
void RtpSession::add_probe(Instant now) {
    if (!budget_.may_rise()) return;
    const std::uint8_t window = video_out_.parity_window();
    if (window == 0) return;
    for (int left = budget_.probe_packets(now); left > 0; --left) {
        outbox_.push(
            {.kind = Departure::Kind::parity, .window = window, .sequence = video_out_.newest(), .queued = now});
    }
}

// protect, at the last moment: under the newest key, in the order in which packets leave.
Result<std::size_t> RtpSession::depart(const Departure& departure, Instant now) {
    const auto followed = [&](SendStream& stream, const Result<SendStream::Numbered>& packet) -> Result<std::size_t> {
        if (!packet) return Failure(packet.error());
        stream.stats.total_packet_send_delay += departure.queued.until(now);
        budget_.sent_rtp(stream.ssrc(), packet->number, packet->size, now);
        return packet->size;
    };
    const auto kept = [&](SendStream& stream) -> Result<SendStream::Numbered> {
        const auto size = stream.depart(departure.sequence, departing_);
        if (!size) return Failure(size.error());
        return SendStream::Numbered{.number = departure.sequence, .size = *size};
    };
    SendStream& video = video_out_.stream;
    switch (departure.kind) {
        case Departure::Kind::audio: return followed(audio_out_.stream, kept(audio_out_.stream));
        case Departure::Kind::audio_again: {
            const auto size = followed(audio_out_.stream, kept(audio_out_.stream));
            budget_.sent_again(departure.sequence);
            return size;
        }
        case Departure::Kind::audio_report: return audio_out_.stream.depart_report(departure.sequence, departing_);
        case Departure::Kind::video_report: return video.depart_report(departure.sequence, departing_);
        case Departure::Kind::video: return followed(video, kept(video));
        case Departure::Kind::retransmission:
            return followed(repair_out_.stream,
                            repair_out_.retransmit(departure.sequence, video.history(), departing_));
        case Departure::Kind::parity: break;
    }
    return followed(repair_out_.stream,
                    repair_out_.protect_window(departure.sequence, departure.window, video.history(), departing_));
}

void RtpSession::stamp(const Departure& departure, Stage stage, Instant now) {
    const bool audio = departure.kind == Departure::Kind::audio;
    if (!audio && departure.kind != Departure::Kind::video) return;
    traces_.leaves(audio ? Medium::audio : Medium::video, departure.sequence, stage, now);
}

std::optional<Datagram> RtpSession::take_datagram(bool pacer_allows, Instant now) {
    while (const auto departure = outbox_.pop(pacer_allows, now)) {
        stamp(*departure, Stage::paced, now);
        renew_spent_keys(now);
        const auto size = depart(*departure, now);
        if (size) {
            stamp(*departure, Stage::protect, now);
            budget_.sent(*size, now);
            stamp(*departure, Stage::sent, now);
            return Datagram{std::span(departing_).first(*size)};
        }
        if (size.error() == Error::unavailable) {
            outbox_.count_overrun(*departure);
        } else {
            ++refused_[size.error()];
        }
    }
    return std::nullopt;
}

std::optional<Datagram> RtpSession::flush(Instant now) { return take_datagram(true, now); }

}  // namespace sotto::call
