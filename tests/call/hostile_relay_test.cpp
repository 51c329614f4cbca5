// A relay under an attacker, who sees every datagram of a call: it flips, replays, reflects, reorders, drops and
// invents them, and mixes two calls. What it adds is refused and counted, and both see and hear what they would
// without.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sim/middle.h"
#include "support/key_log_file.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings small{.video_width = 320, .video_height = 180, .video_frame_rate = 15};

Seen seen_by_both(const TwoParty& world) {
    for (const Side* const side : {&world.caller, &world.callee}) {
        CHECK(side->ended->reason == EndReason::hung_up);
        CHECK(side->shown > 10);
        CHECK(side->played > 80);
        CHECK(side->news.empty());
        CHECK(side->signal_errors.empty());
    }
    return seen(world);
}

bool is_rtcp(Bytes datagram) {
    return std::to_integer<int>(datagram[1]) >= 192 && std::to_integer<int>(datagram[1]) <= 223;
}

// A call in which `attack` gives what it likes before and after a datagram arrives, by `add`, which counts.
struct Relayed {
    using Add = std::function<void(Side& to, Bytes datagram)>;
    using Attack = std::function<void(const Add& add, Side& to, Bytes datagram)>;

    explicit Relayed(std::uint64_t seed) : world(seed), middle(world) {
        middle.settings = small;
        add = [this](Side& to, Bytes datagram) {
            if (!to.call || to.call->state() == CallState::ended) return;
            ++added;
            taken += world.receive(to, datagram) ? 1 : 0;
        };
    }
    void call(const Attack& before, const Attack& after) {
        world.relay = [&](Side& to, Bytes datagram) {
            ++passed;
            if (before) before(add, to, datagram);
            const bool ended = to.call->state() == CallState::ended;
            const bool received = world.receive(to, datagram).has_value();
            CHECK(received != ended);
            late += ended ? 1 : 0;  // signals arrive at once, so the last datagrams find nobody
            if (after) after(add, to, datagram);
        };
        late = added = 0;
        middle.call();
        world.relay = nullptr;
        CHECK(taken == 0);
        CHECK(refused().total() == added + late);
    }
    RefusalCounts refused() const {
        RefusalCounts both = world.caller.call->stats().refused;
        const RefusalCounts callees = world.callee.call->stats().refused;
        for (std::size_t i = 0; i < error_count; ++i) both.by_error[i] += callees.by_error[i];
        return both;
    }
    Side& other(const Side& side) { return &side == &world.caller ? world.callee : world.caller; }

    TwoParty world;
    Middle middle;
    Add add;
    std::uint64_t passed = 0, added = 0, taken = 0, late = 0;
};

Seen undisturbed(std::uint64_t seed) {
    Relayed relayed(seed);
    relayed.call({}, {});
    CHECK(relayed.passed > 140);
    CHECK(relayed.added == 0);
    return seen_by_both(relayed.world);
}

}  // namespace

TEST_CASE("a copy with flipped bits before each datagram is refused, whichever bit it is, and nothing is lost") {
    Relayed relayed(451);
    SeededRandom random(9451);
    relayed.call(
        [&](const Relayed::Add& add, Side& to, Bytes datagram) {
            for (int i = 0; i < 4; ++i) add(to, flipped(datagram, random));
        },
        {});
    CHECK(relayed.added == 4 * (relayed.passed - relayed.late));
    CHECK(relayed.refused()[Error::forged] > relayed.added / 2);
    CHECK(seen_by_both(relayed.world) == undisturbed(451));
}

TEST_CASE("each bit of a packet of sound, of pictures and of reports, flipped, is refused") {
    Relayed relayed(452);
    std::set<int> done;  // second bytes: payload types with their markers, and RTCP
    relayed.call(
        [&](const Relayed::Add& add, Side& to, Bytes datagram) {
            if (!done.insert(std::to_integer<int>(datagram[1])).second) return;
            Buffer changed = to_buffer(datagram);
            for (std::size_t bit = 0; bit < changed.size() * 8; ++bit) {
                changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
                add(to, changed);
                changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            }
        },
        {});
    CHECK(done.size() >= 5);
    CHECK(relayed.added > 10000);
    CHECK(seen_by_both(relayed.world) == undisturbed(452));
}

TEST_CASE("each datagram replayed at once, and all of them later, is refused, and nothing is played or shown twice") {
    Relayed relayed(453);
    std::vector<Carried> all;
    relayed.middle.each_step = [&] {
        if (all.size() < 100 || all.size() > 120) return;
        for (const Carried& old : std::vector(all)) relayed.add(relayed.middle.receiver(old), old.bytes);
    };
    relayed.call({}, [&](const Relayed::Add& add, Side& to, Bytes datagram) {
        all.push_back({.to_callee = &to == &relayed.world.callee, .bytes = to_buffer(datagram)});
        add(to, datagram);
    });
    CHECK(relayed.added > relayed.passed + 100);
    CHECK(relayed.refused()[Error::replayed] >= relayed.passed);
    CHECK(seen_by_both(relayed.world) == undisturbed(453));
}

TEST_CASE("a side's own packets reflected back to it, as they are and with the other's SSRC, are refused") {
    Relayed relayed(454);
    std::map<std::pair<const Side*, int>, Buffer> ssrcs;  // by receiver and second byte without the marker
    relayed.call(
        [&](const Relayed::Add& add, Side& to, Bytes datagram) {
            const bool rtcp = is_rtcp(datagram);
            const std::size_t at = rtcp ? 4 : 8;
            const int type = std::to_integer<int>(datagram[1]) & (rtcp ? 255 : 127);
            ssrcs[{&to, type}] = to_buffer(datagram.subspan(at, 4));
            Side& sender = relayed.other(to);
            add(sender, datagram);
            const auto others = ssrcs.find({&sender, type});
            if (others == ssrcs.end()) return;
            Buffer renamed = to_buffer(datagram);
            std::ranges::copy(others->second, renamed.begin() + static_cast<std::ptrdiff_t>(at));
            add(sender, renamed);
        },
        {});
    CHECK(relayed.added > relayed.passed + 100);
    CHECK(relayed.refused()[Error::unknown_stream] >= relayed.passed - relayed.late);
    CHECK(relayed.refused()[Error::forged] > 50);
    CHECK(seen_by_both(relayed.world) == undisturbed(454));
}

TEST_CASE("RTCP that a relay makes, a BYE above all, in clear or under no key of the call's, ends nothing") {
    Relayed relayed(455);
    SeededRandom random(9455);
    relayed.call(
        [&](const Relayed::Add& add, Side& to, Bytes datagram) {
            if (!is_rtcp(datagram)) return;
            const Bytes ssrc = datagram.subspan(4, 4), index_and_mki = datagram.last(6);
            for (const int type : {200, 201, 203, 205, 206}) {  // SR, RR, BYE, feedback
                Buffer made{std::byte{0x81}, static_cast<std::byte>(type), std::byte{0}, std::byte{1}};
                made.insert(made.end(), ssrc.begin(), ssrc.end());
                add(to, made);
                made.resize(60);
                random.fill(std::span(made).subspan(8));
                std::ranges::copy(index_and_mki, made.end() - 6);
                add(to, made);
                made[made.size() - 6] &= std::byte{0x7f};  // not encrypted, it says (RFC 3711 §3.4)
                add(to, made);
            }
            Buffer clear = to_buffer(datagram);
            clear[clear.size() - 6] &= std::byte{0x7f};
            add(to, clear);
        },
        {});
    CHECK(relayed.added > 300);
    CHECK(relayed.refused()[Error::malformed] > 100);
    CHECK(relayed.refused()[Error::forged] > 100);
    CHECK(seen_by_both(relayed.world) == undisturbed(455));
}

TEST_CASE("datagrams in another order, or a tenth of them dropped, cost quality and not the call") {
    SeededRandom random(9456);
    std::vector<Carried> held;
    TwoParty world(456);
    Middle middle(world);
    middle.settings = small;
    std::uint64_t dropped = 0;
    SUBCASE("each eight in reverse") {
        world.relay = [&](Side& to, Bytes datagram) {
            held.push_back({.to_callee = &to == &world.callee, .bytes = to_buffer(datagram)});
            if (held.size() < 8) return;
            for (; !held.empty(); held.pop_back()) {
                static_cast<void>(world.receive(middle.receiver(held.back()), held.back().bytes));
            }
        };
    }
    SUBCASE("a tenth dropped") {
        world.relay = [&](Side& to, Bytes datagram) {
            if (random.below(10) == 0) {
                ++dropped;
                return;
            }
            static_cast<void>(world.receive(to, datagram));
        };
    }
    middle.call();
    for (const Side* const side : {&world.caller, &world.callee}) {
        const bool named = side->ended->reason == EndReason::hung_up || side->ended->reason == EndReason::lost;
        CHECK(named);  // the second: its BYE was dropped, or is held
        CHECK(side->played > 80);
        CHECK(side->shown > 5);
        const RefusalCounts refused = side->call->stats().refused;
        CHECK(refused.total() ==
              refused[Error::too_late] + refused[Error::wrong_state]);  // the last ones, after the end
        CHECK(refused[Error::wrong_state] < 8);
    }
}

TEST_CASE("a relay that drops one direction ends the call as lost where nothing comes, and the other side learns it") {
    TwoParty world(457);
    world.relay = [&](Side& to, Bytes datagram) {
        if (&to == &world.callee) static_cast<void>(world.receive(to, datagram));
    };
    world.connect(voice);
    world.talk(media_timeout + 1s, voice);
    REQUIRE((world.caller.ended && world.callee.ended));
    CHECK(world.caller.ended->reason == EndReason::lost);
    CHECK(world.caller.ended->by_us);
    CHECK(world.callee.ended->reason == EndReason::hung_up);  // by the caller's BYE
    CHECK_FALSE(world.callee.ended->by_us);
}

TEST_CASE("two calls spliced, signals and datagrams, go on as they are, and share no key with the other's accounts") {
    const KeyLogFile attackers, honest;  // the latter is open now
    std::set<Error> errors;
    const auto call = [&](bool splices) {
        Relayed pair(458);
        TwoParty other(459);  // of the attacker's accounts, in a call of their own
        std::vector<Carried> other_signals;
        std::vector<Carried> other_datagrams, datagrams;
        attackers.open();
        Middle other_middle(other);
        other.connect(small);
        other.relay = [&](Side& to, Bytes datagram) {
            other_datagrams.push_back({.to_callee = &to == &other.callee, .bytes = to_buffer(datagram)});
            static_cast<void>(other.receive(to, datagram));
        };
        honest.open();
        std::size_t signals = 0;
        const auto gives = [&](const Middle& middle, Side& to, Bytes signal) {
            const auto taken = middle.give(to, signal);
            CHECK_FALSE(taken);
            if (!taken) errors.insert(taken.error());
            ++signals;
        };
        pair.middle.each_step = [&] {
            attackers.open();
            other.talk(20ms, small);
            if (splices) {
                for (const Carried& signal : pair.middle.seen) {
                    for (Side* const to : {&other.caller, &other.callee}) gives(other_middle, *to, signal.bytes);
                }
                for (const Carried& datagram : datagrams) {
                    for (Side* const to : {&other.caller, &other.callee})
                        CHECK_FALSE(other.receive(*to, datagram.bytes));
                }
            }
            honest.open();
            if (splices) {
                for (const Carried& signal : other_middle.seen) {
                    for (Side* const to : {&pair.world.caller, &pair.world.callee}) {
                        gives(pair.middle, *to, signal.bytes);
                    }
                }
                for (const Carried& datagram : other_datagrams) {
                    for (Side* const to : {&pair.world.caller, &pair.world.callee}) pair.add(*to, datagram.bytes);
                }
            }
            datagrams.clear();
            other_datagrams.clear();
        };
        pair.call(
            [&](const Relayed::Add&, Side& to, Bytes datagram) {
                datagrams.push_back({.to_callee = &to == &pair.world.callee, .bytes = to_buffer(datagram)});
            },
            {});
        if (splices) {
            CHECK(signals > 500);
            CHECK(pair.added > 250);
        }
        CHECK(other.caller.call->state() == CallState::active);
        CHECK(other.callee.call->state() == CallState::active);
        CHECK(other.caller.call->short_auth() != pair.world.caller.call->short_auth());
        return std::pair(seen_by_both(pair.world), seen(other));
    };
    CHECK(call(true) == call(false));
    for (const Error error : errors) {
        CAPTURE(name(error));
        const bool named =
            error == Error::unknown_session || error == Error::unknown_prekey || error == Error::not_permitted;
        CHECK(named);
    }
    if (!key_log_is_built_in) return;
    const auto held = honest.keys(), theirs = attackers.keys();
    CHECK(held.size() >= 9);
    CHECK(theirs.size() >= 9);
    CHECK(std::ranges::none_of(held, [&](const std::string& key) { return theirs.contains(key); }));
}

TEST_CASE("datagrams of a call that is over are refused in the next one of the same two, and it is none the worse") {
    const auto next = [](bool replays) {
        Relayed relayed(460);
        std::vector<Carried> first;
        relayed.call({}, [&](const Relayed::Add&, Side& to, Bytes datagram) {
            first.push_back({.to_callee = &to == &relayed.world.callee, .bytes = to_buffer(datagram)});
        });
        CHECK(first.size() > 140);
        relayed.world.talk(100ms, small);  // nothing is under way any more
        relayed.middle.forget();
        std::size_t given = 0;
        relayed.call(
            [&](const Relayed::Add& add, Side&, Bytes) {
                if (!replays) return;
                for (int i = 0; i < 5; ++i) {
                    const Carried& old = first[given++ % first.size()];
                    add(relayed.middle.receiver(old), old.bytes);
                }
            },
            {});
        if (replays) CHECK(relayed.refused()[Error::unknown_stream] > 500);
        return seen_by_both(relayed.world);
    };
    CHECK(next(true) == next(false));
}
