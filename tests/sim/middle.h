// A server between the two of a TwoParty: it reads what it carries, keeps it, and passes on what a test lets it. And
// two users who talk for a second.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "sim/two_party.h"

namespace sotto::test {

inline constexpr CallSettings voice{.video = false};

// The signals of a call that nobody disturbs, in the order in which they leave.
enum class Said : std::size_t {
    offer,
    ringing,
    answer,
    callees_route,
    reveal,
    callers_route,
    rekey,
    media,
    question,  // pictures, too?
    rekeyed,
    refusal,
    hang_up,
};
inline constexpr std::size_t said_in_a_call = 12;

struct Carried {
    bool to_callee = false;
    Buffer bytes{};
};

class Middle {
  public:
    explicit Middle(TwoParty& between) : world(between) {
        world.server = [this](Side& to, Bytes signal) {
            seen.push_back({.to_callee = &to == &world.callee, .bytes = to_buffer(signal)});
            if (treat) return treat(seen.size() - 1);
            pass(seen.size() - 1);
        };
    }
    Middle(const Middle&) = delete;
    Middle& operator=(const Middle&) = delete;
    ~Middle() { world.server = nullptr; }

    Side& receiver(const Carried& signal) { return signal.to_callee ? world.callee : world.caller; }
    Side& sender(const Carried& signal) { return signal.to_callee ? world.caller : world.callee; }
    void pass(std::size_t index) { receiver(seen[index]).signals.push_back(seen[index].bytes); }
    void delay(std::size_t index, Duration by) { later_.emplace(world.now + by, index); }
    // What an account makes of it: whether it rings, or why it is refused.
    Result<bool> give(Side& to, Bytes signal) const {
        const auto received = to.account.receive(signal, world.now);
        if (!received) return Failure(received.error());
        return received->has_value();
    }

    // The caller dials, the callee accepts as soon as it rings, the caller says all that there is to say and hangs up
    // after a second of talk; until both know that it is over and nothing is under way, or until nobody can be waiting
    // any more.
    void call() {
        std::optional<Instant> since;
        conversed_ = false;
        if (!world.dial(settings)) return;
        static_cast<void>(world.caller.call->set_route(as_bytes("to the caller")));
        for (const Instant end = world.now + patience; world.now < end && !(over() && later_.empty());) {
            accept();
            if (world.caller.active && !since) since = world.now;
            if (since && world.now >= *since + std::chrono::milliseconds(400)) converse();
            if (since && world.now >= *since + std::chrono::seconds(1)) world.caller.call->hang_up(world.now);
            world.talk(std::chrono::milliseconds(20), settings);
            release();
            world.settle();
            if (each_step) each_step();
        }
    }
    // The callee's user, if it rings.
    void accept() const {
        Side& callee = world.callee;
        if (!callee.call || callee.call->state() != CallState::ringing) return;
        static_cast<void>(callee.call->accept(settings, world.now));
        static_cast<void>(callee.call->set_route(as_bytes("to the callee")));
    }
    // Both sides as before a call, for the next.
    void forget() {
        for (Side* const side : {&world.caller, &world.callee}) {
            side->call.reset();
            side->ended.reset();
            side->active = false;
            side->route.clear();
            side->news.clear();
            side->signal_errors.clear();
            side->digest = {};
            side->shown = side->played = 0;
        }
        seen.clear();
    }

    TwoParty& world;
    CallSettings settings = voice;
    std::vector<Carried> seen{};
    std::function<void(std::size_t index)> treat{};  // what becomes of a signal; without it each is passed on
    std::function<void()> each_step{};               // of the talk, 20 ms

  private:
    static constexpr Duration patience = std::chrono::seconds(150);

    bool over() const {
        const auto ended = [](const Side& side) { return side.call && side.call->state() == CallState::ended; };
        return ended(world.caller) && (!world.callee.call || ended(world.callee));
    }
    // New keys, what is held back (nothing that shows), and whether there should be pictures.
    void converse() {
        Side &caller = world.caller, &callee = world.callee;
        if (!conversed_) {
            static_cast<void>(caller.call->rekey());
            static_cast<void>(caller.call->set_media({.camera_off = !settings.video}));
            static_cast<void>(caller.call->ask_video());
        }
        conversed_ = true;
        if (callee.call && callee.news == "video? ") static_cast<void>(callee.call->answer_video(false));
    }
    void release() {
        while (!later_.empty() && later_.begin()->first <= world.now) {
            pass(later_.begin()->second);
            later_.erase(later_.begin());
        }
    }

    std::multimap<Instant, std::size_t> later_{};
    bool conversed_ = false;
};

// All that the two saw and heard, and when.
struct Seen {
    std::uint64_t by_caller = 0, by_callee = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
};
inline Seen seen(const TwoParty& world) { return {world.caller.digest.value(), world.callee.digest.value()}; }

// What a side has of a call once it is over.
struct Outcome {
    std::optional<EndReason> reason{};  // nothing where there never was a call
    bool talked = false, string = false, route = false;
    std::vector<Error> errors{};
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome outcome(const Side& side) {
    Outcome is{.talked = side.active, .route = !side.route.empty(), .errors = side.signal_errors};
    if (side.ended) is.reason = side.ended->reason;
    is.string = side.call && side.call->short_auth();
    return is;
}

}  // namespace sotto::test
