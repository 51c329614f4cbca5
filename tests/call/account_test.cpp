// An account and those who have its bundle, most of whom it never asked to call.
#include "sotto/account.h"

#include <doctest/doctest.h>

#include <vector>

#include "call/signal.h"
#include "crypto/session.h"
#include "sotto/store.h"
#include "support/policy.h"
#include "support/random.h"

using namespace sotto;

namespace {

constexpr Instant now{std::chrono::seconds(1000)};

// Somebody who seals and opens by hand.
struct Caller {
    Caller(Account& account, Random& source) : Caller(*account.bundle(), source) {}
    Caller(Bytes bundle, Random& source)
        : random(source),
          device(crypto::Device::generate(crypto::Identity::generate(random), random)),
          session(begin(bundle)) {}

    crypto::Session begin(Bytes bundle) const {
        return std::move(*crypto::Session::initiate(device, *crypto::parse_bundle(bundle), random));
    }
    // Each has a higher number than all before it, whoever makes it.
    static inline std::uint32_t offers = 0;
    static Buffer offer_by(crypto::Session& session, Random& random) {
        call::CallSignal offer{
            .call = {}, .body = call::Offer{{.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}}}};
        random.fill(offer.call.bytes);
        std::get<call::Offer>(offer.body).number = ++offers;
        return session.seal(*call::encode(offer), crypto::Step::fresh)->message;
    }
    Buffer offer() { return offer_by(session, random); }
    // Rings, is answered, and knows it; what it says from then on is under a ratchet key of its own.
    void talk(Account& account) {
        auto call = account.receive(offer(), now);
        REQUIRE((call && *call));
        REQUIRE((*call)->accept({.video = false}, now));
        const auto answer = (*call)->poll(now);
        REQUIRE(session.open(std::get<Signal>(*answer).bytes));
        REQUIRE(account.receive(offer(), now));
    }

    Random& random;
    crypto::Device device;
    crypto::Session session;
};

Buffer altered_at_end(Buffer message) {
    message.back() ^= std::byte{1};
    return message;
}

struct Fixture {
    test::SeededRandom random{91};
    Account account = test::open_to_everyone(random);
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a message whose header one of many sessions opens is refused for that session's reason") {
    Caller first(account, random), second(account, random);
    for (Caller* const caller : {&first, &second}) caller->talk(account);
    for (Caller* const caller : {&first, &second}) {
        for (int i = 0; i < 200; ++i) static_cast<void>(caller->offer());  // lost; too many for a chain that is new
        const Buffer late = caller->offer();
        CHECK(account.receive(altered_at_end(late), now).error() == Error::forged);
        CHECK(account.receive(late, now));
        CHECK(account.receive(late, now).error() == Error::replayed);
    }
}

TEST_CASE_FIXTURE(
    Fixture, "of sessions that strangers begin and nobody answers the newest 256 are kept, and other sessions stay") {
    Caller friendly(account, random), held(account, random);
    friendly.talk(account);
    const auto ringing = account.receive(held.offer(), now);  // a call that the client has
    REQUIRE((ringing && *ringing));
    std::vector<Caller> strangers;
    for (int i = 0; i < 300; ++i) {
        strangers.emplace_back(account, random);
        REQUIRE(account.receive(strangers.back().offer(), now));
    }
    CHECK(account.sessions_given_up() == 300 + 1 - 256);
    CHECK(account.receive(strangers.front().offer(), now).error() == Error::replayed);
    CHECK(account.receive(strangers.back().offer(), now));
    CHECK(account.receive(friendly.offer(), now));
    CHECK(account.receive(held.offer(), now));

    strangers.front().session = strangers.front().begin(*account.bundle());
    const auto again = account.receive(strangers.front().offer(), now);
    REQUIRE(again);
    CHECK(again->has_value());
    CHECK(account.sessions_given_up() == 300 + 2 - 256);
}

TEST_CASE_FIXTURE(Fixture, "a stranger's session that only its calls still hold goes after the stranger's others") {
    Caller stranger(account, random);
    const auto first = account.receive(stranger.offer(), now);
    auto second = account.receive(stranger.offer(), now);
    REQUIRE((first && *first && second && *second));
    for (int i = 0; i < 4; ++i) {  // they take the first one's place with the device
        stranger.session = stranger.begin(*account.bundle());
        REQUIRE(account.receive(stranger.offer(), now));
    }
    std::vector<Caller> others;
    for (int i = 0; i < 255; ++i) {
        others.emplace_back(account, random);
        REQUIRE(account.receive(others.back().offer(), now));
    }
    CHECK(account.sessions_given_up() == 4);  // none of that device's is left
    second->reset();
    others.emplace_back(account, random);
    REQUIRE(account.receive(others.back().offer(), now));
    CHECK(account.sessions_given_up() == 5);
    CHECK(account.receive(others.front().offer(), now).error() == Error::replayed);
    CHECK(account.receive(others.back().offer(), now));
}

TEST_CASE_FIXTURE(Fixture, "after a restart the oldest of the strangers' sessions are still the first to go") {
    MemoryStore store;
    StoreKey key;
    std::optional<Account> kept = std::move(*Account::open(store, key, random));
    test::let_everyone_ring(*kept);
    std::vector<Caller> strangers;
    for (int i = 0; i < 256; ++i) {
        strangers.emplace_back(*kept, random);
        REQUIRE(kept->receive(strangers.back().offer(), now));
    }
    kept.reset();
    Account again = std::move(*Account::open(store, key, random));
    Caller last(again, random);
    REQUIRE(again.receive(last.offer(), now));
    CHECK(again.sessions_given_up() == 1);
    CHECK(again.receive(strangers.front().offer(), now).error() == Error::replayed);
    CHECK(again.receive(strangers.back().offer(), now));
}

TEST_CASE_FIXTURE(Fixture,
                  "a carrier that drops every signal of hundreds of calls locks nobody out: the next one rings") {
    Account callee = test::open_to_everyone(random);
    for (const int dropped : {49, 50, 51, 600}) {
        CAPTURE(dropped);
        for (int i = 0; i < dropped; ++i) {
            auto lost = account.dial(callee.identity(), *callee.bundle(), {}, now);
            REQUIRE(lost);
            lost->hang_up(now);
        }
        auto call = account.dial(callee.identity(), *callee.bundle(), {}, now);
        REQUIRE(call);
        const auto offer = call->poll(now);
        const auto ringing = callee.receive(std::get<Signal>(*offer).bytes, now);
        REQUIRE((ringing && *ringing));
        CHECK((*ringing)->id() == call->id());
    }
}

TEST_CASE_FIXTURE(Fixture, "fifty calls at once that nobody answers still leave room for the next in the same chain") {
    Account callee = test::open_to_everyone(random);
    const Buffer bundle = *callee.bundle();
    std::vector<Call> calls;
    calls.reserve(50);
    for (int i = 0; i < 50; ++i) calls.push_back(std::move(*account.dial(callee.identity(), bundle, {}, now)));
    Buffer last;
    for (Call& call : calls) {
        call.hang_up(now);
        while (const auto output = call.poll(now)) {
            if (const auto* signal = std::get_if<Signal>(&*output)) last = to_buffer(signal->bytes);
        }
    }
    // The hundredth message is the first to arrive: it opens, though its call is not known.
    CHECK(callee.receive(last, now).error() == Error::unknown_call);
}

TEST_CASE_FIXTURE(Fixture, "a bundle is good until the second renewal after it was fetched, and a replay never opens") {
    Caller early(account, random), late(account, random), sleepy(account, random);
    const Buffer first = early.offer(), second = late.offer(), third = sleepy.offer();
    REQUIRE(account.receive(first, now));
    CHECK(account.one_time_prekeys_left() == 97);

    REQUIRE(account.renew_prekeys());
    CHECK(account.one_time_prekeys_left() == 100);
    CHECK(account.receive(first, now).error() == Error::replayed);
    CHECK(account.receive(early.offer(), now));  // its session goes on
    const auto ringing = account.receive(second, now);
    REQUIRE(ringing);
    CHECK(ringing->has_value());
    CHECK(account.receive(second, now).error() == Error::replayed);
    Caller fresh(account, random);
    CHECK(account.receive(fresh.offer(), now));

    REQUIRE(account.renew_prekeys());
    CHECK(account.receive(third, now).error() == Error::unknown_prekey);
    CHECK(account.receive(first, now).error() == Error::replayed);
    CHECK(account.receive(early.offer(), now));
    CHECK(account.receive(fresh.offer(), now));
}

TEST_CASE_FIXTURE(Fixture,
                  "a lasting bundle takes no one-time prekey, serves many, and a replay of what it began never opens") {
    const Buffer lasting = account.lasting_bundle();
    CHECK(lasting.size() == 1485);
    CHECK(bundle_owner(lasting) == account.identity());
    CHECK(account.one_time_prekeys_left() == 100);
    std::vector<Buffer> first;
    for (int i = 0; i < 150; ++i) {  // more than there are one-time prekeys
        Caller caller(account.lasting_bundle(), random);
        first.push_back(caller.offer());
        CHECK(account.receive(first.back(), now));
    }
    CHECK(account.one_time_prekeys_left() == 100);
    CHECK(account.lasting_bundle() == lasting);
    for (const Buffer& offer : first) CHECK(account.receive(offer, now).error() == Error::replayed);

    Caller early(lasting, random), late(lasting, random);
    REQUIRE(account.renew_prekeys());
    CHECK(account.lasting_bundle() != lasting);
    CHECK(account.receive(early.offer(), now));
    for (const Buffer& offer : first) CHECK(account.receive(offer, now).error() == Error::replayed);
    REQUIRE(account.renew_prekeys());
    CHECK(account.receive(late.offer(), now).error() == Error::unknown_prekey);
    CHECK_FALSE(account.receive(first.front(), now));
}

TEST_CASE_FIXTURE(Fixture, "a lasting bundle is the one that is given out when one-time prekeys are used up") {
    const Buffer lasting = account.lasting_bundle();
    CHECK(*account.bundle() != lasting);
    while (account.one_time_prekeys_left() > 0) REQUIRE(account.bundle());
    CHECK(*account.bundle() == lasting);
}

TEST_CASE_FIXTURE(Fixture, "a forged repeat of a first header is called forged, whichever session it names") {
    Caller caller(account, random);
    crypto::Session other = caller.begin(*account.bundle());
    REQUIRE(account.receive(caller.offer(), now));
    REQUIRE(account.receive(Caller::offer_by(other, random), now));
    CHECK(account.receive(altered_at_end(caller.offer()), now).error() == Error::forged);
    CHECK(account.receive(altered_at_end(Caller::offer_by(other, random)), now).error() == Error::forged);
    CHECK(account.refused()[Error::forged] == 2);
}

TEST_CASE_FIXTURE(Fixture, "a repeat of a first header before an encrypted header of nobody's is called replayed") {
    Caller caller(account, random);
    REQUIRE(account.receive(caller.offer(), now));
    Buffer altered = caller.offer();
    altered[2 + 1260] ^= std::byte{1};  // the encrypted header's nonce
    CHECK(account.receive(altered, now).error() == Error::replayed);
}

TEST_CASE_FIXTURE(Fixture, "strangers whom our user declines stay within the bound of strangers") {
    std::vector<Caller> strangers;
    for (int i = 0; i < 300; ++i) {
        strangers.emplace_back(account, random);
        auto ringing = account.receive(strangers.back().offer(), now);
        REQUIRE((ringing && *ringing));
        (*ringing)->hang_up(now);
    }
    CHECK(account.sessions_given_up() == 300 - 256);
    CHECK(account.receive(strangers.front().offer(), now).error() == Error::replayed);
}
