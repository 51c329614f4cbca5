#include "call/rtp_session.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "transport/clock_sync.h"

namespace sotto::call {
namespace {

constexpr Duration report_interval = std::chrono::seconds(1);
constexpr Duration longest_wait = std::chrono::milliseconds(100);  // of a picture before it leaves

// RFC 3550 §6.2: half to one and a half times the interval, so that reports do not synchronise.
Duration randomised(Duration interval, Random& random) {
    std::array<std::byte, 2> bytes{};
    random.fill(bytes);
    const std::uint16_t share = *ByteReader(bytes).u16();
    return interval / 2 + interval * share / 65536;
}

// RFC 7022 §4.2: a short-term persistent name, 96 random bits, new for each call.
std::string random_cname(Random& random) {
    std::array<std::byte, 12> bytes{};
    random.fill(bytes);
    return to_hex(bytes);
}

StreamSsrcs ssrcs(const StreamOffer& streams) {
    return {.audio = streams.audio_ssrc, .video = streams.video_ssrc, .repair = streams.repair_ssrc};
}

SendingLimits limits(const StreamOffer& ours, const CallSettings& settings) {
    return {.video = ours.video,
            .audio_bitrate = settings.audio_bitrate,
            .audio_blocks = 1000 / settings.audio_block_ms,
            .video_bitrate = settings.video_bitrate,
            .frame_rate = settings.video_frame_rate};
}

// The SSRC a datagram claims: at byte 8 in RTP, at byte 4 in RTCP.
Result<Ssrc> claimed_ssrc(Bytes datagram, bool rtcp) {
    ByteReader in(datagram);
    if (!in.take(rtcp ? 4 : 8)) return Failure(Error::truncated);
    const auto ssrc = in.u32();
    if (!ssrc) return Failure(ssrc.error());
    return Ssrc{*ssrc};
}

}  // namespace

RtpSession::RtpSession(MediaEpochs&& epochs, Senders&& senders, Receivers&& receivers, const StreamOffer& ours,
                       const StreamOffer& theirs, const CallSettings& settings, Random& random, Instant now)
    : epochs_(std::move(epochs)),
      audio_out_(std::move(senders.audio)),
      video_out_(std::move(senders.video)),
      repair_out_(std::move(senders.repair)),
      audio_in_(std::move(receivers.audio)),
      video_in_(std::move(receivers.video)),
      repair_in_(std::move(receivers.repair)),
      theirs_(theirs),
      budget_(ours, limits(ours, settings)),
      arrivals_(std::array{theirs.audio_ssrc, theirs.video_ssrc, theirs.repair_ssrc}),
      traces_(settings.trace_clock),
      cname_(random_cname(random)),
      random_(random),
      start_(now),
      next_report_(now + report_interval / 4),
      last_received_(now) {
    follow_shares();
}

Result<RtpSession::Senders> RtpSession::make_senders(MediaEpochs& epochs, const StreamOffer& ours,
                                                     const CallSettings& settings, Random& random) {
    auto keys = epochs.first_to_send(ssrcs(ours));
    if (!keys) return Failure(keys.error());
    auto audio = AudioSender::create(std::move(keys->audio), ours.audio_ssrc, ours.audio, settings, random);
    if (!audio) return Failure(audio.error());
    auto video = VideoSender::create(std::move(keys->video), ours.video_ssrc, ours.video, settings, random);
    if (!video) return Failure(video.error());
    auto repair = RepairSender::create(std::move(keys->repair), ours.repair_ssrc, random);
    if (!repair) return Failure(repair.error());
    return Senders{.audio = std::move(*audio), .video = std::move(*video), .repair = std::move(*repair)};
}

Result<RtpSession::Receivers> RtpSession::make_receivers(MediaEpochs& epochs, const StreamOffer& theirs,
                                                         const CallSettings& settings) {
    auto keys = epochs.first_to_receive(ssrcs(theirs));
    if (!keys) return Failure(keys.error());
    auto audio = AudioReceiver::create(std::move(keys->audio), theirs.audio_ssrc,
                                       std::chrono::milliseconds(theirs.audio_block_ms), settings.audio_channels);
    if (!audio) return Failure(audio.error());
    const auto pixels =
        static_cast<std::size_t>(settings.video_width) * static_cast<std::size_t>(settings.video_height);
    auto video = VideoReceiver::create(std::move(keys->video), theirs.video_ssrc, pixels);
    if (!video) return Failure(video.error());
    auto repair = RepairReceiver::create(std::move(keys->repair), theirs.repair_ssrc);
    if (!repair) return Failure(repair.error());
    return Receivers{.audio = std::move(*audio), .video = std::move(*video), .repair = std::move(*repair)};
}

Result<std::unique_ptr<RtpSession>> RtpSession::create(MediaEpochs&& epochs, const StreamOffer& ours,
                                                       const StreamOffer& theirs, const CallSettings& settings,
                                                       Random& random, Instant now) {
    auto senders = make_senders(epochs, ours, settings, random);
    if (!senders) return Failure(senders.error());
    auto receivers = make_receivers(epochs, theirs, settings);
    if (!receivers) return Failure(receivers.error());
    return std::unique_ptr<RtpSession>(new RtpSession(std::move(epochs), std::move(*senders), std::move(*receivers),
                                                      ours, theirs, settings, random, now));
}

MediaStreams RtpSession::streams() {
    return {.audio_out = audio_out_.stream,
            .video_out = video_out_.stream,
            .repair_out = repair_out_.stream,
            .audio_in = audio_in_.stream,
            .video_in = video_in_.stream,
            .repair_in = repair_in_.stream};
}

Result<void> RtpSession::agree(crypto::Generation&& generation, MediaEpochs::Side side, Instant now) {
    polled_dry_ = false;
    return epochs_.agree(std::move(generation), side, streams(), now);
}

// A frame may take more packets than its key has left.
void RtpSession::renew_spent_keys(Instant now) {
    if (!epochs_.spent(streams())) return;
    const auto begun = epochs_.begin_epoch(streams(), now);
    if (!begun) ++refused_[begun.error()];
}

Result<void> RtpSession::send(const VideoFrame& frame, Instant now) {
    polled_dry_ = false;
    // A picture that would only wait is better left out than late: the next one is newer.
    if (budget_.wait_for(outbox_.paced()) > longest_wait) {
        video_out_.leave_out();
        return {};
    }
    const std::uint64_t frames = video_out_.stream.stats.frames;
    const auto sent = video_out_.send(frame, now, traces_, outbox_);
    if (video_out_.stream.stats.frames != frames) add_parity();
    return sent;
}

void RtpSession::add_parity() {
    const std::uint8_t window = video_out_.parity_window();
    for (int left = budget_.parity_for(video_out_.frame_packets(), round_trip_.for_repair()); left > 0; --left) {
        outbox_.push({.kind = Departure::Kind::parity, .sequence = video_out_.newest(), .window = window});
    }
}

Result<void> RtpSession::send(const AudioBlock& block, Instant now) {
    polled_dry_ = false;
    return audio_out_.send(block, now, traces_, outbox_);
}

Result<void> RtpSession::receive(Bytes datagram, Instant now) {
    const auto open = [&]() -> Result<void> {
        if (datagram.size() > scratch_.size()) return Failure(Error::too_large);
        std::copy_n(datagram.data(), datagram.size(), scratch_.data());
        const MutableBytes copy = std::span(scratch_).first(datagram.size());
        return transport::is_rtcp(datagram) ? receive_rtcp(copy, now) : receive_rtp(copy, now);
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

Result<void> RtpSession::receive_rtp(MutableBytes datagram, Instant now) {
    const auto ssrc = claimed_ssrc(datagram, false);
    if (!ssrc) return Failure(ssrc.error());
    // Only what the peer's offer or answer named: our user agreed to nothing else.
    const bool audio = theirs_.audio && *ssrc == audio_in_.stream.ssrc();
    const bool video = theirs_.video && *ssrc == video_in_.stream.ssrc();
    const bool repair = theirs_.video && *ssrc == repair_in_.stream.ssrc();
    if (!audio && !video && !repair) return Failure(Error::unknown_stream);

    ReceiveStream& in = audio ? audio_in_.stream : video ? video_in_.stream : repair_in_.stream;
    const std::uint64_t before = in.reception.packets();
    const SequenceNumber number{*ByteReader(datagram.subspan(2)).u16()};  // in clear (RFC 3711 §3.1)
    const auto received = audio   ? audio_in_.receive(datagram, now, traces_)
                          : video ? receive_video(datagram, now)
                                  : receive_repair(datagram, now);
    // It came, and took its share of the path, even if it is of no use any more.
    if (in.reception.packets() != before) arrivals_.received(*ssrc, number, datagram.size(), now);
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
    const auto inserted = *packet ? video_in_.recovered(**packet, now, traces_) : Result<void>{};
    recover(now);
    return inserted;
}

void RtpSession::recover(Instant now) {
    while (const auto packet = repair_in_.next(video_in_)) {
        const auto inserted = video_in_.recovered(*packet, now, traces_);
        if (!inserted) ++refused_[inserted.error()];
    }
}

Result<void> RtpSession::receive_rtcp(MutableBytes datagram, Instant now) {
    const auto ssrc = claimed_ssrc(datagram, true);
    if (!ssrc) return Failure(ssrc.error());
    const bool audio = *ssrc == audio_in_.stream.ssrc();
    if (!audio && *ssrc != video_in_.stream.ssrc()) return Failure(Error::unknown_stream);

    ReceiveStream& in = audio ? audio_in_.stream : video_in_.stream;
    SendStream& out = audio ? audio_out_.stream : video_out_.stream;
    const auto report = in.open_rtcp(datagram, out.ssrc());
    if (!report) return Failure(report.error());

    learn_round_trip(*report, now);
    if (report->sender_info) in.sender_report(*report->sender_info, now, round_trip_.smoothed());
    if (report->report) out.stats.peer_loss = report->report->fraction_lost / 256.0;
    if (!audio) resend(std::span(report->nacks).first(report->nack_count), now);
    out.stats.unrepaired += report->nacks_left_out;
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

void RtpSession::follow_shares() {
    const SendingShares& shares = budget_.shares();
    audio_out_.set_copies(shares.audio_copies);
    audio_out_.set_bitrate(shares.audio_bitrate);
    audio_out_.set_loss(budget_.loss());
    video_out_.set_share(shares.video_bitrate, budget_.unrepaired());
}

Result<void> RtpSession::set_video_maximum(int bits_per_second) {
    const auto allowed = video_out_.check_bitrate(bits_per_second);
    if (!allowed) return allowed;
    budget_.set_video_maximum(bits_per_second);
    follow_shares();
    return {};
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

// RFC 4588: what the peer asks for again travels in the repair stream.
void RtpSession::resend(std::span<const SequenceNumber> numbers, Instant now) {
    budget_.asked(numbers.size());
    // What would only wait does not come in time; it would keep newer pictures waiting.
    if (budget_.wait_for(outbox_.paced()) > longest_wait) {
        video_out_.stream.stats.unrepaired += numbers.size();
        return;
    }
    for (const SequenceNumber number : numbers) {
        if (!video_out_.stream.may_repair(number, now, round_trip_.for_repair())) continue;
        outbox_.push({.kind = Departure::Kind::retransmission, .sequence = number});
    }
}

// The path may take more than our pictures show: more repair packets show it, and are of use at the same time.
void RtpSession::add_probe(Instant now) {
    const std::uint8_t window = video_out_.parity_window();
    if (window == 0) return;
    for (int left = budget_.probe_packets(now); left > 0; --left) {
        outbox_.push({.kind = Departure::Kind::parity, .sequence = video_out_.newest(), .window = window});
    }
}

// protect, at the last moment: under the newest key, in the order in which packets leave.
Result<std::size_t> RtpSession::depart(const Departure& departure, Instant now) {
    const auto followed = [&](SendStream& stream, const Result<SendStream::Numbered>& packet) -> Result<std::size_t> {
        if (!packet) return Failure(packet.error());
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

std::optional<Datagram> RtpSession::take_datagram(bool pacer_allows, Instant now) {
    while (const auto departure = outbox_.pop(pacer_allows)) {
        renew_spent_keys(now);
        const auto size = depart(*departure, now);
        if (size) {
            budget_.sent(*size, now);
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

std::optional<RtpSession::Output> RtpSession::poll(Instant now) {
    const auto keyed = epochs_.poll(streams(), now);
    if (!keyed) ++refused_[keyed.error()];
    if (now >= next_report_) {
        send_reports(now, false);
        next_report_ = now + randomised(report_interval, random_);
    }
    if (now >= budget_.deadline()) {
        budget_.poll(now);
        follow_shares();
    }
    add_probe(now);
    send_feedback(now);
    if (const auto datagram = take_datagram(budget_.may_send(now), now)) return *datagram;
    // Sound first: its turn is a fixed instant, a picture's is when it is complete.
    if (const auto block = audio_in_.next(now, traces_, refused_)) return *block;
    if (const auto frame = video_in_.next(now, traces_, refused_)) return *frame;
    // A gap given up or a frame refused just now calls for a key frame.
    send_feedback(now);
    if (const auto datagram = take_datagram(budget_.may_send(now), now)) return *datagram;
    budget_.set_waiting(outbox_.has_paced());
    polled_dry_ = true;
    polled_ = now;
    return std::nullopt;
}

Instant RtpSession::deadline() const {
    if (!polled_dry_) return Instant::min();
    const Instant departure = outbox_.has_paced() ? budget_.next(polled_) : never;
    return std::min({departure, next_report_, budget_.deadline(), arrivals_.deadline(), epochs_.deadline(),
                     video_in_.deadline(), audio_in_.deadline()});
}

void RtpSession::add_to(CallStats& stats) const {
    stats.audio_sent = audio_out_.stream.stats;
    stats.audio_sent.overrun = outbox_.audio_overrun();
    stats.video_sent = video_out_.stream.stats;
    stats.video_sent.overrun = outbox_.video_overrun();
    stats.audio_received = audio_in_.stats();
    stats.video_received = video_in_.stats();
    epochs_.add_to(stats);
    stats.round_trip = round_trip_.smoothed();
    stats.available_outgoing_bitrate = budget_.target();
    stats.queueing_delay = budget_.queueing_delay();
    stats.feedback_refused = budget_.told().impossible + budget_.told().clock_leaps + budget_.told().left_out;
    stats.video_sent.parity = repair_out_.parity_packets();
    stats.video_received.bytes += repair_in_.stream.bytes;
    stats.video_received.repaired = repair_in_.counts().used;
    for (std::size_t i = 0; i < error_count; ++i) stats.refused.by_error[i] += refused_.by_error[i];
    stats.memory += sizeof(*this) + audio_out_.stream.memory() + video_out_.stream.memory() +
                    repair_out_.stream.memory() + audio_in_.memory() + video_in_.memory() + repair_in_.memory() +
                    budget_.memory() + arrivals_.memory();
}

}  // namespace sotto::call
