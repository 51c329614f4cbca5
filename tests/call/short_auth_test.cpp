// The short authentication string of whole calls, and what somebody between can and can't do about it.
#include <doctest/doctest.h>

#include "call/short_auth_exchange.h"
#include "crypto/prekeys.h"
#include "crypto/session.h"
#include "sim/two_party.h"
#include "support/policy.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;
using crypto::Role;

namespace {

constexpr Instant now{std::chrono::seconds(1000)};
constexpr call::StreamOffer streams{
    .audio = true, .audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}};

struct Said {
    std::vector<Buffer> signals;
    std::optional<ShortAuth> shown;
    std::optional<Ended> ended;
};

Said poll(Call& call) {
    Said said;
    while (const auto output = call.poll(now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) said.signals.push_back(to_buffer(signal->bytes));
        if (const auto* ready = std::get_if<ShortAuthReady>(&*output)) said.shown = ready->symbols;
        if (const auto* ended = std::get_if<Ended>(&*output)) said.ended = *ended;
    }
    return said;
}

ShortAuth string_of(const call::Reveal& reveal, const call::Answer& answer, const crypto::CallSecret& secret,
                    const crypto::CallBinding& binding) {
    crypto::CallerNonce caller;
    std::ranges::copy(reveal.nonce, caller.fill().begin());
    crypto::CalleeNonce callee;
    std::ranges::copy(answer.nonce, callee.fill().begin());
    return crypto::short_auth(crypto::derive_sas_key(secret), caller, callee, binding);
}

// Somebody between: the directory's and the carrier's owner, who speaks to both with keys of its own.
struct Mallory {
    explicit Mallory(Random& source)
        : random(source),
          device(crypto::Device::generate(crypto::Identity::generate(random), random)),
          prekeys(crypto::PrekeyStore::generate(1, random)) {}

    Buffer bundle() { return crypto::encode(prekeys.publish(device)); }
    crypto::Session begin(Bytes with) {
        return std::move(*crypto::Session::initiate(device, *crypto::parse_bundle(with), random));
    }

    Random& random;
    crypto::Device device;
    crypto::PrekeyStore prekeys;
};

struct Between {
    SeededRandom random{61};
    Account alice = test::open_to_everyone(random), bob = test::open_to_everyone(random);
    Mallory mallory{random};
};

}  // namespace

TEST_CASE("both sides show the same four symbols, the caller with its answer, the callee with the reveal") {
    for (std::uint64_t seed = 300; seed < 304; ++seed) {
        CAPTURE(seed);
        TwoParty world(seed);
        REQUIRE(world.dial());
        CHECK_FALSE(world.caller.call->short_auth());
        CHECK_FALSE(world.callee.call->short_auth());
        REQUIRE(world.callee.call->accept({}, world.now));
        CHECK_FALSE(world.callee.call->short_auth());
        world.settle();
        REQUIRE(world.caller.call->short_auth());
        const ShortAuth shown = *world.caller.call->short_auth();
        CHECK(world.callee.call->short_auth() == shown);
        world.talk(2s);
        CHECK(world.caller.call->short_auth() == shown);
        world.caller.call->hang_up(world.now);
        world.settle();
        CHECK(world.callee.call->short_auth() == shown);
    }
}

TEST_CASE_FIXTURE(Between, "a repeated reveal is refused, and the call and what it shows stay as they are") {
    auto calling = alice.dial(bob.identity(), *bob.bundle(), {}, now);
    REQUIRE(calling);
    auto ringing = bob.receive(poll(*calling).signals.at(0), now);
    REQUIRE((ringing && *ringing));
    Call& answering = **ringing;
    REQUIRE(answering.accept({}, now));
    REQUIRE(alice.receive(poll(answering).signals.at(0), now));
    const Said caller = poll(*calling);
    REQUIRE(caller.signals.size() == 1);
    CHECK(bob.receive(caller.signals[0], now));
    CHECK(bob.receive(caller.signals[0], now).error() == Error::replayed);
    CHECK(poll(answering).shown == caller.shown);
    CHECK(answering.state() == CallState::active);
}

TEST_CASE_FIXTURE(Between, "a hostile caller can't reveal before the answer, twice, or something else") {
    crypto::Session session = mallory.begin(*bob.bundle());
    const crypto::CallBinding binding{.call = {}, .caller = mallory.device.identity(), .callee = bob.identity()};
    call::ShortAuthExchange exchange(binding, Role::caller, random);
    const auto say = [&](auto body) {
        return bob.receive(
            session.seal(*call::encode({.call = binding.call, .body = body}), crypto::Step::keep)->message, now);
    };
    auto ringing = say(exchange.offer(streams));
    REQUIRE((ringing && *ringing));
    Call& call = **ringing;
    CHECK(say(exchange.reveal()).error() == Error::wrong_state);
    CHECK(call.state() == CallState::ringing);
    REQUIRE(call.accept({.video = false}, now));
    const Said answered = poll(call);
    REQUIRE(session.open(answered.signals.at(0)));
    CHECK_FALSE(answered.shown);

    SUBCASE("twice") {
        CHECK(say(exchange.reveal()));
        CHECK(poll(call).shown);
        CHECK(say(exchange.reveal()).error() == Error::replayed);
        call::Reveal other = exchange.reveal();
        other.nonce[0] ^= std::byte{1};
        CHECK(say(other).error() == Error::replayed);
        CHECK(call.state() == CallState::active);
    }
    SUBCASE("something else") {
        call::Reveal other = exchange.reveal();
        other.nonce[31] ^= std::byte{1};
        CHECK(say(other));
        CHECK(call.state() == CallState::ended);
        const Said last = poll(call);
        CHECK_FALSE(last.shown);
        CHECK_FALSE(call.short_auth());
        REQUIRE(last.ended);
        CHECK(last.ended->reason == EndReason::tampered);
        CHECK(last.ended->by_us);
        REQUIRE(last.signals.size() == 1);
        const auto said = session.open(last.signals[0]);
        REQUIRE(said);
        const auto signal = call::parse_signal(said->plaintext);
        REQUIRE((signal && std::holds_alternative<call::HangUp>(signal->body)));
        CHECK(std::get<call::HangUp>(signal->body).reason == EndReason::tampered);
        CHECK(said->plaintext[20] == std::byte{5});
        CHECK(say(exchange.reveal()).error() == Error::wrong_state);
    }
}

TEST_CASE_FIXTURE(Between, "a hostile callee that reveals, before or after its answer, is refused") {
    auto calling = alice.dial(mallory.device.identity(), mallory.bundle(), {.video = false}, now);
    REQUIRE(calling);
    auto accepted = crypto::Session::accept(mallory.device, mallory.prekeys, poll(*calling).signals.at(0), random);
    REQUIRE(accepted);
    const auto say = [&](auto body) {
        return alice.receive(
            accepted->session.seal(*call::encode({.call = calling->id(), .body = body}), crypto::Step::keep)->message,
            now);
    };
    CHECK(say(call::Reveal{}).error() == Error::wrong_state);
    CHECK(calling->state() == CallState::calling);
    CHECK(say(call::Answer{streams}));
    CHECK(calling->state() == CallState::active);
    const auto shown = poll(*calling).shown;
    CHECK(shown);
    CHECK(say(call::Reveal{}).error() == Error::wrong_state);
    CHECK(calling->state() == CallState::active);
    CHECK(calling->short_auth() == shown);
    // What an honest callee says when it is the caller whose reveal is false.
    CHECK(say(call::HangUp{EndReason::tampered}));
    const auto ended = poll(*calling).ended;
    REQUIRE(ended);
    CHECK(ended->reason == EndReason::tampered);
    CHECK_FALSE(ended->by_us);
}

TEST_CASE_FIXTURE(Between, "somebody between who passes every nonce on unchanged is betrayed by the two strings") {
    // Mallory's own keys reach both, under the names of Bob and Alice.
    auto calling = alice.dial(mallory.device.identity(), mallory.bundle(), {.video = false}, now);
    REQUIRE(calling);
    auto from_alice = crypto::Session::accept(mallory.device, mallory.prekeys, poll(*calling).signals.at(0), random);
    REQUIRE(from_alice);
    crypto::Session to_bob = mallory.begin(*bob.bundle());
    auto offer = to_bob.seal(from_alice->first.plaintext, crypto::Step::keep);
    REQUIRE(offer);
    auto ringing = bob.receive(offer->message, now);
    REQUIRE((ringing && *ringing));
    Call& answering = **ringing;
    REQUIRE(answering.accept({.video = false}, now));
    auto answer = to_bob.open(poll(answering).signals.at(0));
    REQUIRE(answer);
    REQUIRE(alice.receive(from_alice->session.seal(answer->plaintext, crypto::Step::keep)->message, now));
    const Said caller = poll(*calling);
    const auto reveal = from_alice->session.open(caller.signals.at(0));
    REQUIRE(reveal);
    const crypto::CallBinding binding{
        .call = calling->id(), .caller = mallory.device.identity(), .callee = bob.identity()};
    const auto secret = crypto::derive_call_secret(std::move(offer->exported), std::move(answer->exported), binding);
    const auto bobs = std::get<call::Answer>(call::parse_signal(answer->plaintext)->body);

    SUBCASE("and reveals what Alice did") {
        REQUIRE(bob.receive(to_bob.seal(reveal->plaintext, crypto::Step::keep)->message, now));
        const Said callee = poll(answering);
        REQUIRE((caller.shown && callee.shown));
        CHECK(*caller.shown != *callee.shown);
        const auto alices = std::get<call::Reveal>(call::parse_signal(reveal->plaintext)->body);
        CHECK(string_of(alices, bobs, secret, binding) == *callee.shown);  // Mallory knows it, too
    }
    SUBCASE("and searches for a nonce by which Bob's string begins as Alice's does") {
        // Mallory knows all that goes into Bob's string, so a free nonce would give any string it likes. But its
        // commitment went before Bob's nonce came, and fixed another.
        call::Reveal wanted;
        for (bool found = false; !found;) {
            random.fill(wanted.nonce);
            found = string_of(wanted, bobs, secret, binding)[0] == (*caller.shown)[0];
        }
        const auto forged = *call::encode({.call = calling->id(), .body = wanted});
        REQUIRE(bob.receive(to_bob.seal(forged, crypto::Step::keep)->message, now));
        const Said callee = poll(answering);
        CHECK_FALSE(callee.shown);
        REQUIRE(callee.ended);
        CHECK(callee.ended->reason == EndReason::tampered);
    }
}
