// Two contacts and the networks between them, in one virtual time. Signals arrive at once and in order, if they do.
#pragma once

#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <vector>

#include "sim/link.h"
#include "sim/side.h"

namespace sotto::test {

// A tone that comes and goes, three times a second.
inline std::int16_t beats(std::uint64_t sample) {
    const double t = static_cast<double>(sample) / 48000.0;
    return static_cast<std::int16_t>(8000 * std::sin(2 * 3.14159265 * 440 * t) * std::sin(2 * 3.14159265 * 3 * t));
}

class TwoParty {
  public:
    explicit TwoParty(std::uint64_t seed, const LinkConditions& conditions = {})
        : caller(seed),
          callee(seed + 1000),
          to_callee(conditions, seed + 2000),
          to_caller(conditions, seed + 3000),
          signal_luck_(seed + 4000) {
        static_cast<void>(caller.account.contacts().meet("callee", callee.account.identity()));
        static_cast<void>(callee.account.contacts().meet("caller", caller.account.identity()));
        let_caller_ring(seed);
    }

    // What is drawn for it is drawn beside: a call's draws are the same without it.
    void let_caller_ring(std::uint64_t seed) {
        const SeededRandom callers = caller.random, callees = callee.random;
        caller.random = SeededRandom(seed + 5000);
        callee.random = SeededRandom(seed + 6000);
        const auto grant = callee.account.grant(caller.account.identity(), *caller.account.bundle());
        if (!grant || !caller.account.receive(*grant, now)) std::abort();
        while (caller.account.event()) {
        }
        caller.random = callers;
        callee.random = callees;
    }

    Result<void> dial(const CallSettings& settings = {}) {
        auto call = caller.account.dial(callee.account.identity(), *callee.account.bundle(), settings, now);
        if (!call) return Failure(call.error());
        caller.call.emplace(std::move(*call));
        settle();
        return {};
    }
    // Dials and answers; both sides are active afterwards.
    void connect(const CallSettings& settings = {}) {
        static_cast<void>(dial(settings));
        static_cast<void>(callee.call->accept(settings, now));
        settle();
    }

    // Everything that can happen now.
    void settle() {
        for (int i = 0; i < 4; ++i) {
            poll(caller, to_callee, callee);
            poll(callee, to_caller, caller);
            take_signals(caller);
            take_signals(callee);
        }
        to_callee.deliver(now, [&](Bytes d) { pass(callee, d); });
        to_caller.deliver(now, [&](Bytes d) { pass(caller, d); });
        poll(caller, to_callee, callee);
        poll(callee, to_caller, caller);
    }

    // Lets both talk and look at each other. Every 5 ms there may be something to capture; in between time goes on to
    // whatever comes first.
    void talk(Duration duration, const CallSettings& settings = {}) {
        for (const Instant end = now + duration; now < end; now = std::min(next(), end)) {
            if (now >= tick_ || tick_ > now + tick) capture(settings);  // the second: our clock went back
            if (beside) beside(now);
            settle();
        }
    }

    // What a datagram meets that reaches a side.
    Result<void> receive(Side& side, Bytes datagram) {
        if (!side.call) return {};
        return side.call->receive(datagram, now + side.clock);
    }

    Side caller, callee;
    Link to_callee, to_caller;
    Instant now{std::chrono::seconds(1000)};
    double signal_loss = 0;
    std::function<std::int16_t(std::uint64_t)> sound = beats;  // what both say, by the sample's number
    std::optional<SeededRandom> noise;                         // pictures of it, the worst that an encoder can be given
    std::optional<SeededRandom> grain;                         // a camera's: pictures that fill what the path takes
    std::function<void(Instant)> beside;                       // what else goes on, each millisecond
    bool even_steps = false;                                   // time goes on by milliseconds, whatever is due before
    // In place of a server and a relay that pass everything on. What a server puts into a side's `signals` arrives at
    // once, what a relay gives to receive().
    std::function<void(Side& to, Bytes signal)> server;
    std::function<void(Side& to, Bytes datagram)> relay;

  private:
    static constexpr Duration tick = std::chrono::milliseconds(5);
    static constexpr Duration shortest_step = std::chrono::microseconds(100);

    Instant next() const {
        if (even_steps) return now + std::chrono::milliseconds(1);
        Instant next = std::min({tick_, to_callee.next_arrival(), to_caller.next_arrival()});
        for (const Side* const side : {&caller, &callee}) {
            const Instant due = side->call ? side->call->deadline() : never;
            if (due != never) next = std::min(next, due - side->clock);
        }
        if (beside) next = std::min(next, now + std::chrono::milliseconds(1));
        return std::max(next, now + shortest_step);
    }

    // By the time when it was due: what a step made it late would add up, and sound would be made too slowly.
    void capture(const CallSettings& settings) {
        const bool on_time = now >= tick_ && now < tick_ + tick;
        tick_ = (on_time ? tick_ : now) + tick;
        const auto block = static_cast<std::uint64_t>(settings.audio_block_ms);
        if (step_ % (block / 5) == 0) speak(block * 48);
        const auto steps_a_frame = static_cast<std::uint64_t>(200 / settings.video_frame_rate);
        if (step_ % steps_a_frame == 0 && settings.video) show(settings);
        ++step_;
    }

    void pass(Side& to, Bytes datagram) {
        if (relay) return relay(to, datagram);
        static_cast<void>(receive(to, datagram));
    }
    void carry(Side& to, Bytes signal) {
        if (server) return server(to, signal);
        to.signals.push_back(to_buffer(signal));
    }

    void take_signals(Side& side) {
        while (!side.signals.empty()) {
            const Buffer signal = std::move(side.signals.front());
            side.signals.pop_front();
            auto received = side.account.receive(signal, now + side.clock);
            if (!received) side.signal_errors.push_back(received.error());
            if (received && *received) side.call.emplace(std::move(**received));
        }
    }

    void poll(Side& side, Link& out, Side& peer) {
        while (side.call) {
            const auto output = side.call->poll(now + side.clock);
            if (!output) return;
            if (const auto* signal = std::get_if<Signal>(&*output)) {
                ++side.signals_sent;
                if (!signal_luck_.chance(signal_loss)) carry(peer, signal->bytes);
            }
            if (const auto* datagram = std::get_if<Datagram>(&*output)) {
                ++side.datagrams;
                out.send(datagram->bytes, now);
            }
            if (std::get_if<Activated>(&*output)) side.active = true;
            if (const auto* end = std::get_if<Ended>(&*output)) side.ended = *end;
            if (const auto* route = std::get_if<RemoteRoute>(&*output)) {
                side.route.assign(reinterpret_cast<const char*>(route->route.data()), route->route.size());
            }
            if (std::get_if<Reconnecting>(&*output)) side.news += "reconnecting ";
            if (std::get_if<Reconnected>(&*output)) side.news += "reconnected ";
            if (std::get_if<VideoAsked>(&*output)) side.news += "video? ";
            if (const auto* told = std::get_if<VideoAnswered>(&*output)) {
                side.news += told->agreed ? "video yes " : "video no ";
            }
            if (const auto* frame = std::get_if<ShownFrame>(&*output)) side.see(*frame, now);
            if (const auto* block = std::get_if<PlayedBlock>(&*output)) side.hear(*block, now);
        }
    }

    void speak(std::size_t frames) {
        std::vector<std::int16_t> block(frames);
        for (std::size_t i = 0; i < block.size(); ++i) {
            block[i] = sound(samples_++);
        }
        for (Side* const side : {&caller, &callee}) {
            const Instant time = now + side->clock;
            if (side->call) static_cast<void>(side->call->send(AudioBlock{.samples = block, .captured = time}, time));
        }
    }

    void show(const CallSettings& settings) {
        const auto width = static_cast<std::size_t>(settings.video_width);
        const auto height = static_cast<std::size_t>(settings.video_height);
        picture_.assign(width * height * 3 / 2, 128);
        for (std::size_t i = 0; i < width * height; ++i) {
            const std::size_t x = i % width + pictures_ * 3, y = i / width;
            picture_[i] = static_cast<std::uint8_t>(128 + (x / 16 + y / 16) % 2 * 40 + (x * y / 64) % 16);
        }
        ++pictures_;
        if (grain) add_grain();
        if (noise) noise->fill(std::as_writable_bytes(std::span(picture_)));
        const std::uint8_t* const start = picture_.data();
        VideoFrame frame{.width = settings.video_width,
                         .height = settings.video_height,
                         .planes = {Plane{start, width}, Plane{start + width * height, width / 2},
                                    Plane{start + width * height * 5 / 4, width / 2}}};
        for (Side* const side : {&caller, &callee}) {
            frame.captured = now + side->clock;
            if (side->call) static_cast<void>(side->call->send(frame, frame.captured));
        }
    }

    void add_grain() {
        grains_.resize(picture_.size() * 2 / 3);  // of luma
        grain->fill(std::as_writable_bytes(std::span(grains_)));
        for (std::size_t i = 0; i < grains_.size(); ++i) {
            picture_[i] = static_cast<std::uint8_t>(picture_[i] + grains_[i] % 17 - 8);
        }
    }

    SeededRandom signal_luck_;
    Instant tick_ = Instant::min();
    std::uint64_t step_ = 0;
    std::uint64_t samples_ = 0;
    std::size_t pictures_ = 0;
    std::vector<std::uint8_t> picture_, grains_;
};

}  // namespace sotto::test
