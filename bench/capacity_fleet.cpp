#include "bench/capacity_fleet.h"

#include <opus/opus.h>

#include "bench/measure.h"

namespace sotto::bench {
namespace {

constexpr std::uint64_t seed = 1;

CallSettings settings_of(const FleetPlan& plan) {
    CallSettings settings;
    settings.audio = plan.medium == Medium::audio;
    settings.video = plan.medium == Medium::video;
    settings.audio_block_ms = plan.block_ms;
    settings.video_width = plan.width;
    settings.video_height = plan.height;
    settings.video_frame_rate = plan.fps;
    settings.video_bitrate = plan.bitrate;
    return settings;
}

// People don't all speak at once: each end is elsewhere in what is shown and said, by numbers that share no factor with
// how long those are.
std::size_t place(std::size_t end, std::size_t frames) { return frames + 97 * end; }

void keep(std::vector<Buffer>& datagrams, std::size_t& count, Bytes datagram) {
    if (count == datagrams.size()) datagrams.emplace_back();
    datagrams[count++].assign(datagram.begin(), datagram.end());
}

}  // namespace

CallFleet::CallFleet(const FleetPlan& plan, const PictureLoop& pictures, const SoundLoop& sound)
    : plan_(plan), pictures_(pictures), sound_(sound) {
    require(plan.calls % 2 == 0, "calls come in pairs");
    const test::LinkConditions link{.delay = std::chrono::milliseconds(20), .loss = plan.loss};
    for (std::size_t i = 0; i < plan.calls; i += 2) {
        auto& world = worlds_.emplace_back(std::make_unique<test::TwoParty>(seed + i * 10'000, link));
        world->now = now_;
        world->connect(settings_of(plan));
        require(world->callee.call && world->callee.call->state() == CallState::active, "a call does not begin");
        ends_.push_back(
            {.call = &*world->caller.call, .out = &world->to_callee, .in = &world->to_caller, .peer = i + 1});
        ends_.push_back({.call = &*world->callee.call, .out = &world->to_caller, .in = &world->to_callee, .peer = i});
    }
    // Evenly over a frame's time, as calls that know nothing of each other are.
    scheduled_.resize(ends_.size());
    for (std::size_t i = 0; i < ends_.size(); ++i) {
        ends_[i].next_frame =
            now_ + plan.interval() * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(ends_.size());
        schedule(i);
    }
}

void CallFleet::schedule(std::size_t index) {
    const Instant at = std::max(next(ends_[index]), now_);
    scheduled_[index] = at;
    turns_.push({.at = at, .end = index});
}

Instant CallFleet::next(const EndOfCall& end) const {
    return std::min({end.next_frame, end.in->next_arrival(), end.call->deadline()});
}

Stretch CallFleet::run(Duration time) {
    Stretch stretch;
    const Instant until = now_ + time;
    while (turns_.top().at < until) {
        const Turn next = turns_.top();
        turns_.pop();
        if (scheduled_[next.end] != next.at) continue;
        now_ = next.at;
        EndOfCall& end = ends_[next.end];
        turn(end, stretch);
        // No sooner than that, if its deadline is at once; the peer may have something to take.
        now_ = next.at + std::chrono::microseconds(1);
        schedule(next.end);
        if (end.out->next_arrival() < scheduled_[end.peer]) schedule(end.peer);
        now_ = next.at;
    }
    now_ = until;
    return stretch;
}

// What one end does at one moment; its work alone is timed.
void CallFleet::turn(EndOfCall& end, Stretch& stretch) {
    end.arrived_count = end.leaving_count = 0;
    end.in->deliver(now_, [&](Bytes datagram) { keep(end.arrived, end.arrived_count, datagram); });
    const bool due = now_ >= end.next_frame;
    bool about_frame = false;
    const double took = std::max(0.0, timed([&] { about_frame = work(end, due, stretch); }));
    if (due) {
        end.next_frame += plan_.interval();
        ++end.frames;
    }
    for (std::size_t i = 0; i < end.leaving_count; ++i) end.out->send(end.leaving[i], now_);
    stretch.cpu += took;
    const double response = core_.respond(now_, took);
    if (about_frame) stretch.responses.push_back(response);
}

// True if a frame was sent or shown.
bool CallFleet::work(EndOfCall& end, bool due, Stretch& stretch) {
    for (std::size_t i = 0; i < end.arrived_count; ++i) static_cast<void>(end.call->receive(end.arrived[i], now_));
    if (due) give(end);
    stretch.sent += due ? 1 : 0;
    bool about_frame = due;
    while (const auto output = end.call->poll(now_)) {
        if (const auto* datagram = std::get_if<Datagram>(&*output)) {
            keep(end.leaving, end.leaving_count, datagram->bytes);
            stretch.bytes += datagram->bytes.size();
        } else if (std::holds_alternative<ShownFrame>(*output) || std::holds_alternative<PlayedBlock>(*output)) {
            ++stretch.shown;
            about_frame = true;
        }
    }
    return about_frame;
}

void CallFleet::give(EndOfCall& end) {
    const std::size_t frame = place(end.peer ^ 1U, end.frames);
    const auto sent =
        plan_.medium == Medium::video
            ? end.call->send(pictures_.frame(frame, now_), now_)
            : end.call->send(sound_.block(frame, static_cast<std::size_t>(plan_.block_ms) * 48, now_), now_);
    require(sent.has_value(), "cannot send");
}

double CallFleet::memory() const {
    double sum = 0;
    for (const EndOfCall& end : ends_) sum += static_cast<double>(end.call->stats().memory);
    return sum / static_cast<double>(ends_.size());
}

int CallFleet::video_bitrate() const {
    double sum = 0;
    for (const EndOfCall& end : ends_) sum += end.call->stats().video_sent.target_bitrate;
    return static_cast<int>(sum / static_cast<double>(ends_.size()));
}

bool CallFleet::full_size() const {
    return std::ranges::all_of(
        ends_, [&](const EndOfCall& end) { return end.call->stats().video_sent.frame_width == plan_.width; });
}

BareFleet::BareFleet(const FleetPlan& plan, const PictureLoop& pictures, const SoundLoop& sound, int video_bitrate)
    : plan_(plan), pictures_(pictures), sound_(sound), samples_(static_cast<std::size_t>(plan.block_ms) * 48) {
    for (std::size_t i = 0; i < plan.calls; ++i) {
        if (plan.medium == Medium::video) {
            video_encoders_.emplace_back(BareVp8Settings{
                .width = plan.width, .height = plan.height, .frame_rate = plan.fps, .bitrate = video_bitrate});
            video_decoders_.emplace_back();
        } else {
            // A call's in-band FEC takes no bits while nothing is lost, or copies go.
            audio_encoders_.push_back(bare_opus_encoder(32000, 0));
            audio_decoders_.push_back(bare_opus_decoder());
        }
    }
}

Stretch BareFleet::run(Duration time) {
    Stretch stretch;
    const auto count = static_cast<std::int64_t>(plan_.calls);
    for (const Instant until = now_ + time; now_ < until; now_ += plan_.interval(), ++frames_) {
        for (std::int64_t i = 0; i < count; ++i) {
            const double took = work(static_cast<std::size_t>(i), stretch);
            stretch.cpu += took;
            stretch.responses.push_back(core_.respond(now_ + plan_.interval() * i / count, took));
            ++stretch.sent, ++stretch.shown;
        }
    }
    return stretch;
}

// One end encodes, and its peer decodes that.
double BareFleet::work(std::size_t end, Stretch& stretch) {
    std::size_t size = 0;
    const double took = timed([&] {
        if (plan_.medium == Medium::video) {
            const auto timestamp = static_cast<std::uint64_t>(frames_ * 90000 / static_cast<unsigned>(plan_.fps));
            const Bytes frame = video_encoders_[end].encode(pictures_.frame(place(end, frames_), now_), timestamp);
            size = frame.size();
            if (!frame.empty()) require(video_decoders_[end ^ 1].decode(frame) != nullptr, "a frame shows nothing");
            return;
        }
        std::array<unsigned char, 1275> packet{};
        const AudioBlock block = sound_.block(place(end, frames_), samples_.size(), now_);
        const int made =
            opus_encode(audio_encoders_[end].get(), block.samples.data(), static_cast<int>(samples_.size()),
                        packet.data(), static_cast<opus_int32>(packet.size()));
        require(made > 0, "Opus cannot encode");
        size = static_cast<std::size_t>(made);
        const int frames = opus_decode(audio_decoders_[end ^ 1].get(), packet.data(), made, samples_.data(),
                                       static_cast<int>(samples_.size()), 0);
        require(frames == static_cast<int>(samples_.size()), "Opus cannot decode");
    });
    stretch.bytes += size;
    return std::max(took, 0.0);
}

}  // namespace sotto::bench
