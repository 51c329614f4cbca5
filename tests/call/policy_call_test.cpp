// The policy at an account: who may not ring gets not one byte, and whom our user would want to know of is listed.
#include <doctest/doctest.h>

#include <vector>

#include "call/signal.h"
#include "crypto/session.h"
#include "sim/two_party.h"
#include "support/policy.h"
#include "support/store.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};

// What a caller's side gives out over a whole minute of ringing.
struct Heard {
    int signals = 0;
    std::optional<Ended> ended;
    Duration lasted{};
    std::size_t received = 0;  // signals that reached the caller

    bool same_as(const Heard& other) const {
        return signals == other.signals && ended.has_value() == other.ended.has_value() && lasted == other.lasted &&
               received == other.received && (!ended || ended->reason == other.ended->reason);
    }
};

Heard ring_out(TwoParty& world) {
    const Instant start = world.now;
    REQUIRE(world.dial(voice));
    while (!world.caller.ended && world.now < start + 2min) {
        world.now += 250ms;
        world.settle();
    }
    return {world.caller.signals_sent, world.caller.ended, world.now - start, world.caller.signal_errors.size()};
}

void make_strangers(TwoParty& world) {
    REQUIRE(world.callee.account.restore_contacts(Contacts(world.callee.account.identity())));
}

// Somebody who seals offers by hand.
struct Stranger {
    Stranger(Account& to, Random& source)
        : random(source),
          device(crypto::Device::generate(crypto::Identity::generate(random), random)),
          session(*crypto::Session::initiate(device, *crypto::parse_bundle(*to.bundle()), random)) {}

    Buffer offer() {
        call::CallSignal offer{
            .call = {}, .body = call::Offer{{.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}}}};
        random.fill(offer.call.bytes);
        return session.seal(*call::encode(offer), crypto::Step::keep)->message;
    }
    const PublicIdentity& identity() const { return device.identity(); }

    Random& random;
    crypto::Device device;
    crypto::Session session;
};

}  // namespace

TEST_CASE("a caller who may not ring gets not one byte, and can't tell it from a device that is off") {
    TwoParty off(60);
    off.signal_loss = 1;
    const Heard nothing = ring_out(off);
    REQUIRE(nothing.ended);
    CHECK(nothing.ended->reason == EndReason::not_answered);

    const PublicIdentity caller = off.caller.account.identity();
    struct Case {
        CallPolicy policy;
        bool contact;
        Reason reason;
        Verdict verdict;
        CapabilityState capability = CapabilityState::live;
    };
    CallPolicy off_policy{.who = WhoMayRing::nobody}, blocked, silent{.who = WhoMayRing::everyone}, night, none;
    blocked.exceptions[caller] = Exception::block;
    silent.silence_strangers = true;
    night.quiet_hours = {.from = 0, .until = 1439};
    none.limits.per_caller = 0;
    for (const Case& c : {Case{{}, false, Reason::not_contact, Verdict::refuse},
                          {off_policy, true, Reason::calls_off, Verdict::refuse},
                          {blocked, true, Reason::blocked, Verdict::refuse},
                          {silent, false, Reason::unknown_caller, Verdict::silence},
                          {night, true, Reason::time_unknown, Verdict::silence},
                          {none, true, Reason::caller_too_often, Verdict::silence},
                          {{}, true, Reason::capability_revoked, Verdict::refuse, CapabilityState::revoked},
                          {{}, true, Reason::capability_not_shown, Verdict::silence, CapabilityState::not_shown}}) {
        CAPTURE(name(c.reason));
        TwoParty world(60);
        REQUIRE(world.caller.account.identity() == caller);
        if (!c.contact) make_strangers(world);
        REQUIRE(world.callee.account.set_policy(c.policy));
        if (c.capability != CapabilityState::live) REQUIRE(world.callee.account.revoke(caller));
        if (c.capability == CapabilityState::not_shown) {  // a new one, which never arrives
            REQUIRE(world.callee.account.grant(caller, *world.caller.account.bundle()));
        } else {
            CHECK(world.callee.account.may_ring(caller, world.now).reason == c.reason);
        }
        CHECK(ring_out(world).same_as(nothing));
        CHECK_FALSE(world.callee.call);
        CHECK(world.callee.signals_sent == 0);
        CHECK(world.callee.datagrams == 0);
        CHECK(world.callee.account.decisions()[c.reason] >= 1);
        CHECK(world.callee.account.refused()[Error::not_permitted] >= 1);
        const auto& listed = world.callee.account.silenced_calls();
        REQUIRE(listed.size() == (c.verdict == Verdict::silence ? 1 : 0));
        if (!listed.empty())
            CHECK((listed[0].caller == caller && listed[0].reason == c.reason && listed[0].times == 1));
    }
}

TEST_CASE("whom the policy lets in rings and talks, by each of its ways") {
    struct Case {
        CallPolicy policy;
        Relationship of;
    };
    CallPolicy excepted{.who = WhoMayRing::nobody};
    excepted.exceptions[TwoParty(61).caller.account.identity()] = Exception::allow;
    for (const Case& c : {Case{{.who = WhoMayRing::followed}, {.followed = true}},
                          {{.who = WhoMayRing::verified_accounts}, {.verified_account = true}},
                          {{.who = WhoMayRing::everyone}, {}},
                          {excepted, {}}}) {
        TwoParty world(61);
        make_strangers(world);
        REQUIRE(world.callee.account.set_policy(c.policy));
        REQUIRE(world.callee.account.set_relationship(world.caller.account.identity(), c.of));
        world.connect(voice);
        world.talk(200ms, voice);
        CHECK(world.callee.active);
        CHECK(world.callee.played > 0);
        CHECK(world.callee.account.silenced_calls().empty());
    }
}

TEST_CASE("a call under way goes on whatever the policy becomes, and the next one does not ring") {
    TwoParty world(62);
    world.connect(voice);
    world.talk(500ms, voice);
    const int before = world.callee.played;
    CallPolicy policy{.who = WhoMayRing::nobody};
    policy.exceptions[world.caller.account.identity()] = Exception::block;
    REQUIRE(world.callee.account.set_policy(policy));
    REQUIRE(world.caller.call->rekey());
    world.talk(1s, voice);
    CHECK(world.callee.played >= before + 45);
    CHECK(world.callee.call->state() == CallState::active);
    CHECK(world.callee.call->stats().generations_agreed == 2);  // its signals pass, too
    world.caller.call->hang_up(world.now);
    world.settle();
    REQUIRE(world.callee.ended);
    CHECK(world.callee.ended->reason == EndReason::hung_up);

    world.callee.call.reset();
    const int sent = world.callee.signals_sent;
    REQUIRE(world.dial(voice));
    CHECK_FALSE(world.callee.call);
    CHECK(world.callee.signals_sent == sent);
}

TEST_CASE("a call that rings already rings on when the policy changes, and its user may accept") {
    TwoParty world(63);
    REQUIRE(world.dial(voice));
    REQUIRE(world.callee.call);
    REQUIRE(world.callee.account.set_policy({.who = WhoMayRing::nobody}));
    CHECK(world.callee.call->accept(voice, world.now));
    world.settle();
    CHECK(world.caller.active);
}

TEST_CASE("quiet hours follow the clock that the client told, minute by minute") {
    TwoParty world(64);
    CallPolicy night;
    night.quiet_hours = {.from = 22 * 60, .until = 7 * 60};
    night.limits.window = 0s;
    Account& callee = world.callee.account;
    REQUIRE(callee.set_policy(night));
    const auto reason = [&](Instant at) { return callee.may_ring(world.caller.account.identity(), at).reason; };
    CHECK(reason(world.now) == Reason::time_unknown);
    // 20:30 in UTC is 21:30 one hour to the east.
    callee.set_clock({.at = world.now, .utc = 20h + 30min, .utc_offset = 60min});
    CHECK(reason(world.now) == Reason::contact);
    CHECK(reason(world.now + 30min - 1s) == Reason::contact);
    CHECK(reason(world.now + 30min) == Reason::quiet_hours);
    CHECK(reason(world.now + 9h) == Reason::quiet_hours);
    CHECK(reason(world.now + 9h + 30min) == Reason::contact);
    world.now += 2h;
    CHECK(ring_out(world).received == 0);
    CHECK(callee.silenced_calls().at(0).reason == Reason::quiet_hours);
}

TEST_CASE("a contact whose identity changed is listed for the user to decide, and does not ring") {
    TwoParty world(65);
    make_strangers(world);
    Account& callee = world.callee.account;
    REQUIRE(callee.contacts().meet("Ann", callee.identity()));
    REQUIRE(callee.contacts().meet("Ann", world.caller.account.identity()).error() == Error::identity_changed);
    CHECK(ring_out(world).received == 0);
    CHECK(callee.silenced_calls().at(0).reason == Reason::identity_changed);
    REQUIRE(callee.contacts().trust_new("Ann", world.caller.account.identity()));
    CHECK(callee.may_ring(world.caller.account.identity(), world.now).verdict == Verdict::allow);
}

TEST_CASE("policy and people survive a restart, and what rang lately does not") {
    SeededRandom random(66);
    MemoryStore store;
    const PublicIdentity ann = Account::create(random).identity(), bob = Account::create(random).identity();
    CallPolicy policy{.who = WhoMayRing::followed};
    policy.exceptions = {{ann, Exception::block}, {bob, Exception::allow}};
    policy.quiet_hours = {.from = 1320, .until = 420};
    policy.limits = {.per_caller = 2, .strangers = 3, .in_all = 64, .window = 77s};
    policy.silence_strangers = true;
    const Relationship followed{.followed = true, .follows_us = true};
    {
        Account account = *Account::open(store, store_key(1), random);
        CHECK(account.policy() == CallPolicy{});
        REQUIRE(account.set_policy(policy));
        REQUIRE(account.set_relationship(bob, followed));
        REQUIRE(account.save());
        CallPolicy wrong = policy;
        wrong.quiet_hours.from = 1440;
        CHECK(account.set_policy(wrong).error() == Error::invalid_argument);
    }
    Account again = *Account::open(store, store_key(1), random);
    CHECK(again.policy() == policy);
    CHECK(again.relationship(bob) == followed);
    CHECK(again.relationship(ann) == Relationship{});
    REQUIRE(again.set_relationship(bob, {}));
    REQUIRE(again.save());
    CHECK(Account::open(store, store_key(1), random)->relationship(bob) == Relationship{});
}

TEST_CASE(
    "of 100,000 rings by 1,000 strangers none rings, nothing is kept or spent, and a call under way loses nothing") {
    const auto heard = [](bool flood) {
        TwoParty world(67);
        Account& callee = world.callee.account;
        SeededRandom random(68);
        std::vector<Stranger> strangers;
        while (strangers.size() < 1000) strangers.emplace_back(callee, random);
        world.connect(voice);
        const std::size_t prekeys = callee.one_time_prekeys_left();
        int rang = 0, refused = 0;
        for (int step = 0; step < 200; ++step) {  // a second
            world.talk(5ms, voice);
            for (int i = 0; flood && i < 500; ++i) {
                Stranger& stranger = strangers[static_cast<std::size_t>(step * 500 + i) % strangers.size()];
                const auto received = callee.receive(stranger.offer(), world.now);
                rang += received ? 1 : 0;
                refused += !received && received.error() == Error::not_permitted ? 1 : 0;
            }
        }
        CHECK(rang == 0);
        CHECK(refused == (flood ? 100000 : 0));
        CHECK(callee.decisions()[Reason::not_contact] == static_cast<std::uint64_t>(refused));
        CHECK(callee.silenced_calls().empty());
        CHECK(callee.sessions_given_up() == 0);
        CHECK(callee.one_time_prekeys_left() == prekeys);
        CHECK(world.callee.signals_sent == 2);  // that the call under way rings, and the answer to it
        return world.callee.heard;
    };
    const auto quiet = heard(false);
    CHECK(quiet.size() > 40 * 960);
    CHECK((heard(true) == quiet));
}

TEST_CASE("where strangers are silenced a flood of theirs rings nowhere, and the list holds the newest 64") {
    SeededRandom random(69);
    Account callee = Account::create(random);
    REQUIRE(callee.set_policy({.who = WhoMayRing::everyone, .silence_strangers = true}));
    constexpr Instant now{1000s};
    std::vector<PublicIdentity> newest;
    for (int i = 0; i < 300; ++i) {
        Stranger stranger(callee, random);
        for (int ring = 0; ring < 3; ++ring)
            CHECK(callee.receive(stranger.offer(), now).error() == Error::not_permitted);
        newest.push_back(stranger.identity());
    }
    REQUIRE(callee.silenced_calls().size() == 64);
    for (std::size_t i = 0; i < 64; ++i) {
        CHECK(callee.silenced_calls()[i].caller == newest[300 - 64 + i]);
        CHECK(callee.silenced_calls()[i].times == 3);
    }
    CHECK(callee.sessions_given_up() == 300 - 256);  // their sessions are bounded as before
    callee.forget_silenced_calls();
    CHECK(callee.silenced_calls().empty());
}

TEST_CASE("everyone may ring, but strangers together no more often than the limit, and contacts ring on") {
    SeededRandom random(70);
    Account callee = Account::create(random);
    REQUIRE(callee.set_policy({.who = WhoMayRing::everyone}));
    Instant now{1000s};
    int rang = 0;
    for (int i = 0; i < 100; ++i) {
        Stranger stranger(callee, random);
        rang += callee.receive(stranger.offer(), now).has_value() ? 1 : 0;
        now += 1s;
    }
    CHECK(rang == callee.policy().limits.strangers);
    CHECK(callee.decisions()[Reason::strangers_too_often] == 95);
    Stranger contact(callee, random);
    REQUIRE(callee.contacts().meet("Ann", contact.identity()));
    for (int i = 0; i < callee.policy().limits.per_caller; ++i) CHECK(callee.receive(contact.offer(), now));
    CHECK(callee.receive(contact.offer(), now).error() == Error::not_permitted);
    CHECK(callee.receive(contact.offer(), now + callee.policy().limits.window));
}
