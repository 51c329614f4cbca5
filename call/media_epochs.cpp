#include "call/media_epochs.h"

#include <algorithm>
#include <initializer_list>

#include "crypto/key_log.h"
#include "crypto/primitives.h"
#include "transport/vp8_payload.h"

namespace sotto::call {
namespace {

template <class Direction>
void log_keys(const crypto::EpochKeys<Direction>& keys, const CallId& call, const StreamSsrcs& streams) {
    crypto::log_srtp_key(call, keys.epoch.number(), streams.audio, keys.audio.reveal());
    crypto::log_srtp_key(call, keys.epoch.number(), streams.video, keys.video.reveal());
    crypto::log_srtp_key(call, keys.epoch.number(), streams.repair, keys.repair.reveal());
}

StreamSsrcs outgoing(const MediaStreams& streams) {
    return {.audio = streams.audio_out.ssrc(), .video = streams.video_out.ssrc(), .repair = streams.repair_out.ssrc()};
}
StreamSsrcs incoming(const MediaStreams& streams) {
    return {.audio = streams.audio_in.ssrc(), .video = streams.video_in.ssrc(), .repair = streams.repair_in.ssrc()};
}

// The first that failed, if any.
Result<void> all(std::initializer_list<Result<void>> results) {
    for (const Result<void>& result : results) {
        if (!result) return result;
    }
    return {};
}

void drop(MediaEpoch epoch, const MediaStreams& streams) {
    streams.audio_in.drop_key(epoch);
    streams.video_in.drop_key(epoch);
    streams.repair_in.drop_key(epoch);
}

}  // namespace

MediaEpochs::MediaEpochs(crypto::Generation&& first, const CallId& call, const EpochSettings& settings, Instant now)
    : call_(call),
      settings_(settings),
      sending_(std::move(first.sending)),
      receiving_(std::move(first.receiving)),
      began_(now) {
    agreed_.reserve(max_agreed + 1);
    retired_.reserve(max_retired + 1);
}

Result<crypto::EpochKeys<Sending>> MediaEpochs::first_to_send(const StreamSsrcs& streams) {
    auto keys = sending_.next();
    if (keys) log_keys(*keys, call_, streams);
    return keys;
}

Result<crypto::EpochKeys<Receiving>> MediaEpochs::first_to_receive(const StreamSsrcs& streams) {
    auto keys = receiving_.next();
    if (keys) log_keys(*keys, call_, streams);
    return keys;
}

Result<void> MediaEpochs::agree(crypto::Generation&& generation, Side side, const MediaStreams& streams, Instant now) {
    auto first = generation.receiving.next();
    if (!first) return Failure(first.error());
    const auto held = hold(std::move(*first), streams);
    if (!held) return held;
    Agreed agreed{.sending = std::move(generation.sending), .receiving = std::move(generation.receiving)};
    ++generations_;
    Result<void> begun;
    if (side == Side::asked) {
        sending_ = std::move(*agreed.sending);
        agreed.sending.reset();
        begun = begin_epoch(streams, now);
    }
    agreed_.push_back(std::move(agreed));
    // More than these no honest peer leaves unused; it goes by the newest.
    if (agreed_.size() > max_agreed) {
        drop({.generation = agreed_.front().receiving.generation(), .epoch = 0}, streams);
        agreed_.erase(agreed_.begin());
    }
    return begun;
}

Result<void> MediaEpochs::begin_epoch(const MediaStreams& streams, Instant now) {
    began_ = now;
    begin_due_ = false;
    auto keys = sending_.next();
    if (!keys) return Failure(keys.error());
    log_keys(*keys, call_, outgoing(streams));
    sending_epoch_ = keys->epoch;
    ++epochs_begun_;
    auto begun = all({streams.audio_out.rekey(std::move(keys->audio), keys->epoch),
                      streams.video_out.rekey(std::move(keys->video), keys->epoch),
                      streams.repair_out.rekey(std::move(keys->repair), keys->epoch)});
    crypto::wipe_dead_stack();  // of what libsrtp spilled
    return begun;
}

bool MediaEpochs::spent(const MediaStreams& streams) {
    const std::uint64_t used = std::max({streams.audio_out.packets_under_key(), streams.video_out.packets_under_key(),
                                         streams.repair_out.packets_under_key()});
    const std::uint64_t reserved = used + transport::max_frame_packets;
    unspent_ = settings_.packets - std::min(reserved, settings_.packets);
    return reserved > settings_.packets;
}

Result<void> MediaEpochs::hold(crypto::EpochKeys<Receiving>&& keys, const MediaStreams& streams) const {
    log_keys(keys, call_, incoming(streams));
    const auto held = all({streams.audio_in.add_key(std::move(keys.audio), keys.epoch),
                           streams.video_in.add_key(std::move(keys.video), keys.epoch),
                           streams.repair_in.add_key(std::move(keys.repair), keys.epoch)});
    crypto::wipe_dead_stack();
    if (!held) drop(keys.epoch, streams);
    return held;
}

Result<void> MediaEpochs::hold_next(const MediaStreams& streams) {
    if (next_held_) return {};
    next_held_ = true;
    auto keys = receiving_.next();
    if (!keys) return Failure(keys.error());
    return hold(std::move(*keys), streams);
}

void MediaEpochs::received(const MediaStreams& streams, Instant now) {
    const MediaEpoch latest =
        std::max({streams.audio_in.latest_epoch(), streams.video_in.latest_epoch(), streams.repair_in.latest_epoch()});
    if (latest <= receiving_epoch_) return;
    retire_before(latest, streams, now);
    if (latest.generation != receiving_epoch_.generation) enter_generation(latest.generation);
    receiving_epoch_ = latest;
    next_held_ = false;
}

// Whatever was sent before the first packet that came under `latest` may still be on its way.
void MediaEpochs::retire_before(MediaEpoch latest, const MediaStreams& streams, Instant now) {
    retire(receiving_epoch_, streams, now);
    MediaEpoch next = receiving_epoch_;
    ++next.epoch;
    if (next_held_ && next != latest) retire(next, streams, now);
    for (const Agreed& agreed : agreed_) {
        if (agreed.receiving.generation() >= latest.generation) break;
        retire({.generation = agreed.receiving.generation(), .epoch = 0}, streams, now);
    }
}

void MediaEpochs::retire(MediaEpoch epoch, const MediaStreams& streams, Instant now) {
    retired_.push_back({.epoch = epoch, .expires = now + settings_.grace});
    if (retired_.size() > max_retired) drop_oldest(streams);
}

void MediaEpochs::enter_generation(std::uint16_t generation) {
    const auto is_ours = [&](const Agreed& agreed) { return agreed.receiving.generation() == generation; };
    const auto entered = std::ranges::find_if(agreed_, is_ours);
    receiving_ = std::move(entered->receiving);
    if (entered->sending && generation > sending_.generation()) {
        sending_ = std::move(*entered->sending);
        begin_due_ = true;
    }
    agreed_.erase(agreed_.begin(), entered + 1);
}

void MediaEpochs::drop_expired(const MediaStreams& streams, Instant now) {
    while (!retired_.empty() && retired_.front().expires <= now) drop_oldest(streams);
}

void MediaEpochs::drop_oldest(const MediaStreams& streams) {
    drop(retired_.front().epoch, streams);
    retired_.erase(retired_.begin());
}

Result<void> MediaEpochs::poll(const MediaStreams& streams, Instant now) {
    drop_expired(streams, now);
    const auto held = hold_next(streams);
    const bool may_go_on = unspent_ > 0 || !spent(streams);  // the streams' own counts lie far apart
    if (!begin_due_ && now - began_ < settings_.period && may_go_on) return held;
    const auto begun = begin_epoch(streams, now);
    return held ? begun : held;
}

Instant MediaEpochs::deadline() const {
    const Instant next_epoch = began_ + settings_.period;
    return retired_.empty() ? next_epoch : std::min(next_epoch, retired_.front().expires);
}

void MediaEpochs::add_to(CallStats& stats) const {
    stats.epoch = sending_epoch_.number();
    stats.epochs_begun = epochs_begun_;
    stats.generations_agreed = generations_;
}

}  // namespace sotto::call
