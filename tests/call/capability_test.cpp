// Capabilities between accounts: who gave one to whom decides who rings.
#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "call/signal.h"
#include "crypto/session.h"
#include "sotto/account.h"
#include "support/policy.h"
#include "support/store.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};
constexpr Instant now{1000s};

// Two who know each other, and nothing given.
struct People {
    SeededRandom random{90};
    MemoryStore store;
    Account alice = Account::create(random);
    Account bob = open_bob();

    People() {
        REQUIRE(alice.contacts().meet("Bob", bob.identity()));
        REQUIRE(bob.contacts().meet("Alice", alice.identity()));
    }

    Account open_bob() { return std::move(*Account::open(store, store_key(1), random)); }

    Call dial() {
        auto call = alice.dial(bob.identity(), *bob.bundle(), voice, now);
        REQUIRE(call);
        return std::move(*call);
    }
    // The offer, and what a server is shown beside it.
    std::pair<Buffer, std::optional<CapabilityHash>> offer(Call& call) {
        const auto output = call.poll(now);
        const auto& signal = std::get<Signal>(*output);
        return {to_buffer(signal.bytes), signal.capability};
    }
    // Nothing: it rings.
    std::optional<Reason> alice_rings() {
        Call call = dial();
        auto received = bob.receive(offer(call).first, now + (rings_++) * 1h);  // within the limits
        if (received) {
            REQUIRE(*received);
            return std::nullopt;
        }
        CHECK(received.error() == Error::not_permitted);
        REQUIRE_FALSE(bob.silenced_calls().empty());
        return bob.silenced_calls().back().reason;
    }
    Buffer grant() {
        auto signal = bob.grant(alice.identity(), *alice.bundle());
        REQUIRE(signal);
        return std::move(*signal);
    }
    bool news_of(Account& account, const Account& from) {
        bool news = false;
        while (const auto event = account.event()) {
            const auto* received = std::get_if<CapabilityReceived>(&*event);
            if (received == nullptr) continue;
            CHECK(received->identity == from.identity());
            CHECK(received->device == from.device());
            news = true;
        }
        return news;
    }
    bool rings() { return !alice_rings(); }

    int rings_ = 0;
};

// Somebody who seals what she likes in a session with an account.
struct ByHand {
    ByHand(Account& to, Random& source)
        : random(source),
          device(crypto::Device::generate(crypto::Identity::generate(random), random)),
          session(*crypto::Session::initiate(device, *crypto::parse_bundle(*to.bundle()), random)) {}

    Buffer offer(std::optional<crypto::CapabilityView> shown) {
        call::Offer offer{{.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}}, {}, shown};
        call::CallSignal signal{.call = {}, .body = offer};
        random.fill(signal.call.bytes);
        return seal(signal);
    }
    Buffer grant(std::uint32_t number, crypto::CapabilityView capability) {
        return seal({.call = {}, .body = call::Grant{number, capability}});
    }
    Buffer seal(const call::CallSignal& signal) {
        return session.seal(*call::encode(signal), crypto::Step::keep)->message;
    }

    Random& random;
    crypto::Device device;
    crypto::Session session;
};

}  // namespace

TEST_CASE_FIXTURE(People, "a contact rings once given a capability, not before and not after it was revoked") {
    CHECK(bob.may_ring(alice.identity(), now).reason == Reason::no_capability);
    CHECK(alice_rings() == Reason::no_capability);
    const Buffer given = grant();
    CHECK(given.size() == 2798);                           // as every first message
    CHECK(alice_rings() == Reason::capability_not_shown);  // still on its way
    CHECK_FALSE(alice.holds_capability(bob.identity(), bob.device()));
    const auto received = alice.receive(given, now);
    REQUIRE(received);
    CHECK_FALSE(*received);
    CHECK(news_of(alice, bob));
    CHECK(alice.holds_capability(bob.identity(), bob.device()));
    CHECK(alice.holds_capability(bob.identity()));
    CHECK_FALSE(bob.holds_capability(alice.identity()));
    CHECK(bob.may_ring(alice.identity(), now).verdict == Verdict::allow);
    CHECK(rings());
    CHECK(rings());  // as often as the limits allow

    REQUIRE(bob.revoke(alice.identity()));
    CHECK(bob.may_ring(alice.identity(), now).reason == Reason::capability_revoked);
    const std::size_t listed = bob.silenced_calls().size();
    Call call = dial();
    CHECK(bob.receive(offer(call).first, now).error() == Error::not_permitted);
    CHECK(bob.decisions()[Reason::capability_revoked] == 1);
    CHECK(bob.silenced_calls().size() == listed);  // the user took it back: it is only counted

    const Buffer anew = grant();
    CHECK(alice_rings() == Reason::capability_not_shown);  // she shows the former
    REQUIRE(alice.receive(anew, now));
    CHECK(news_of(alice, bob));
    CHECK(rings());
}

TEST_CASE_FIXTURE(People, "grants that are lost, repeated or overtaken leave the newest, and tell of it once") {
    const Buffer lost = grant();
    const Buffer first = grant(), again = grant();
    REQUIRE(alice.receive(again, now));
    CHECK(news_of(alice, bob));
    REQUIRE(alice.receive(first, now));  // the same capability
    CHECK_FALSE(news_of(alice, bob));
    CHECK(alice.receive(first, now).error() == Error::replayed);
    CHECK(rings());

    REQUIRE(bob.revoke(alice.identity()));
    const Buffer former = grant();
    REQUIRE(bob.revoke(alice.identity()));
    const Buffer latter = grant();
    REQUIRE(alice.receive(latter, now));
    CHECK(news_of(alice, bob));
    CHECK(alice.receive(former, now).error() == Error::outdated);
    CHECK(alice.receive(lost, now).error() == Error::outdated);
    CHECK_FALSE(news_of(alice, bob));
    CHECK(rings());
}

TEST_CASE_FIXTURE(People, "neither of two who add each other needs to be first") {
    alice.contacts() = Contacts(alice.identity());  // she will add him later
    CHECK(alice.receive(grant(), now).error() == Error::not_permitted);
    CHECK_FALSE(alice.holds_capability(bob.identity(), bob.device()));
    REQUIRE(alice.contacts().meet("Bob", bob.identity()));
    const auto hers = alice.grant(bob.identity(), *bob.bundle());
    REQUIRE(hers);
    REQUIRE(bob.receive(*hers, now));
    CHECK(news_of(bob, alice));  // and his is live: he gives it again
    REQUIRE(bob.relationship(alice.identity()).capability == CapabilityState::live);
    const auto his = bob.grant(alice.identity(), alice.device());
    REQUIRE(his);
    REQUIRE(alice.receive(*his, now));
    CHECK(news_of(alice, bob));
    CHECK(rings());
    const auto back = bob.dial(alice.identity(), *alice.bundle(), voice, now);
    REQUIRE(back);
    CHECK(alice.receive(*alice.grant(bob.identity(), bob.device()), now).error() ==
          Error::unknown_session);  // not hers
    CHECK(bob.grant(alice.identity(), DeviceKey{}).error() == Error::unknown_session);
}

TEST_CASE_FIXTURE(People, "capabilities given and held survive a restart, and so does a revocation") {
    REQUIRE(alice.receive(grant(), now));
    REQUIRE(bob.receive(*alice.grant(bob.identity(), *bob.bundle()), now));
    REQUIRE(bob.save());
    const auto hashes = bob.capability_hashes();
    REQUIRE(hashes.size() == 1);
    bob = open_bob();
    CHECK(bob.capability_hashes() == hashes);
    CHECK(rings());
    CHECK(bob.holds_capability(alice.identity(), alice.device()));
    REQUIRE(bob.revoke(alice.identity()));
    bob = open_bob();
    CHECK(bob.capability_hashes().empty());
    CHECK(bob.may_ring(alice.identity(), now).reason == Reason::capability_revoked);
    Call call = dial();
    CHECK(bob.receive(offer(call).first, now).error() == Error::not_permitted);
}

TEST_CASE_FIXTURE(People, "an older copy of the store lets nobody ring whose capability was revoked since") {
    REQUIRE(alice.receive(grant(), now));
    MemoryStore older = store;
    REQUIRE(bob.revoke(alice.identity()));
    const auto anchor = store.read_anchor();
    REQUIRE((anchor && *anchor && older.write_anchor(**anchor)));
    store = older;
    bob = open_bob();
    REQUIRE(bob.rolled_back());
    CHECK(bob.capability_hashes().empty());
    CHECK(alice_rings() == Reason::no_capability);
    REQUIRE(alice.receive(grant(), now));  // and a new one takes the place of the former
    CHECK(rings());
}

TEST_CASE_FIXTURE(People, "a wrong token, none, and another person's are as good as no capability") {
    ByHand carol(bob, random), dave(bob, random);
    for (const auto& [name, who] : {std::pair("Carol", &carol), std::pair("Dave", &dave)}) {
        REQUIRE(bob.contacts().meet(name, who->device.identity()));
    }
    // What Bob gave them, as they open it.
    const auto given_to = [&](ByHand& who) {
        auto prekeys = crypto::PrekeyStore::generate(1, random);
        const auto signal = bob.grant(who.device.identity(), crypto::encode(prekeys.publish(who.device)));
        auto opened = crypto::Session::accept(who.device, prekeys, *signal, random);
        const auto grant = call::parse_signal(opened->first.plaintext);
        return crypto::copy_capability(std::get<call::Grant>(grant->body).capability);
    };
    const crypto::Capability carols = given_to(carol), daves = given_to(dave);
    const auto refused = [&](const Buffer& offer) {
        const auto received = bob.receive(offer, now);
        return !received && received.error() == Error::not_permitted &&
               bob.silenced_calls().back().reason == Reason::capability_not_shown;
    };
    CHECK(refused(carol.offer(daves.reveal())));
    CHECK(refused(carol.offer(std::nullopt)));
    for (std::size_t bit = 0; bit < 256; bit += 17) {
        crypto::Capability wrong = crypto::copy_capability(carols.reveal());
        wrong.fill()[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        CHECK(refused(carol.offer(wrong.reveal())));
    }
    CHECK(bob.receive(carol.offer(carols.reveal()), now));
    REQUIRE(bob.revoke(carol.device.identity()));
    CHECK_FALSE(bob.receive(carol.offer(carols.reveal()), now));
    CHECK(bob.receive(dave.offer(daves.reveal()), now));
}

TEST_CASE_FIXTURE(People, "a server that knows the hashes can tell the offers of those who may ring, and no name") {
    CHECK(bob.capability_hashes().empty());
    Call before = dial();
    CHECK_FALSE(offer(before).second);
    REQUIRE(alice.receive(grant(), now));
    Account carol = Account::create(random);
    REQUIRE(bob.contacts().meet("Carol", carol.identity()));
    REQUIRE(bob.grant(carol.identity(), *carol.bundle()));
    const auto hashes = bob.capability_hashes();
    REQUIRE(hashes.size() == 2);
    CHECK(std::ranges::is_sorted(hashes));
    Call call = dial();
    const auto [sealed, shown] = offer(call);
    REQUIRE(shown);
    CHECK(std::ranges::count(hashes, *shown) == 1);
    CHECK(bob.capability_hash(alice.identity()) == shown);
    CHECK(bob.capability_hash(carol.identity()) == (hashes[0] == *shown ? hashes[1] : hashes[0]));
    CHECK(std::ranges::search(sealed, shown->bytes).empty());
    call.hang_up(now);
    const auto hang_up = call.poll(now);
    CHECK_FALSE(std::get<Signal>(*hang_up).capability);  // offers alone show it
    Call next = dial();
    CHECK(offer(next).second == shown);
    REQUIRE(bob.revoke(alice.identity()));
    CHECK(std::ranges::count(bob.capability_hashes(), *shown) == 0);
    CHECK_FALSE(bob.capability_hash(alice.identity()));
    REQUIRE(alice.receive(grant(), now));
    Call anew = dial();
    const auto later = offer(anew).second;
    REQUIRE(later);
    CHECK(later != shown);
    CHECK(std::ranges::count(bob.capability_hashes(), *later) == 1);
}

TEST_CASE_FIXTURE(People, "to block is to revoke: to take the block back lets nobody ring, a new capability does") {
    REQUIRE(alice.receive(grant(), now));
    CallPolicy policy;
    policy.exceptions[alice.identity()] = Exception::block;
    REQUIRE(bob.set_policy(policy));
    CHECK(bob.capability_hashes().empty());
    CHECK(bob.grant(alice.identity(), *alice.bundle()).error() == Error::not_permitted);
    CHECK(bob.receive(*alice.grant(bob.identity(), *bob.bundle()), now).error() == Error::not_permitted);
    CHECK_FALSE(bob.holds_capability(alice.identity(), alice.device()));
    REQUIRE(bob.set_policy({}));
    CHECK(bob.may_ring(alice.identity(), now).reason == Reason::capability_revoked);
    REQUIRE(alice.receive(grant(), now));
    CHECK(rings());
}

TEST_CASE_FIXTURE(People, "what is revoked rings under no policy, and an exception that allowed it is gone") {
    REQUIRE(alice.receive(grant(), now));
    CallPolicy policy{.who = WhoMayRing::everyone};
    policy.exceptions[alice.identity()] = Exception::allow;
    REQUIRE(bob.set_policy(policy));
    CHECK(rings());
    REQUIRE(bob.revoke(alice.identity()));
    CHECK(bob.policy().exceptions.empty());
    CHECK(bob.may_ring(alice.identity(), now).reason == Reason::capability_revoked);
    Call call = dial();
    CHECK(bob.receive(offer(call).first, now).error() == Error::not_permitted);
    Account carol = Account::create(random);
    CHECK(bob.revoke(carol.identity()));  // she had none: nothing changes
    CHECK(bob.may_ring(carol.identity(), now).reason == Reason::anybody);
}

TEST_CASE_FIXTURE(People, "a stranger's grant spends no prekey, keeps nothing, and tells neither side anything") {
    constexpr std::array<std::byte, 32> token{std::byte{1}};
    ByHand stranger(bob, random);
    const std::size_t prekeys = bob.one_time_prekeys_left();
    Buffer kept = *store.read_anchor().value();
    CHECK(bob.receive(stranger.grant(1, token), now).error() == Error::not_permitted);
    CHECK(*store.read_anchor().value() == kept);  // nothing was written
    CHECK(bob.one_time_prekeys_left() == prekeys);
    CHECK(bob.refused()[Error::not_permitted] == 1);
    CHECK_FALSE(bob.event());
    CHECK(bob.silenced_calls().empty());
    CHECK_FALSE(bob.holds_capability(stranger.device.identity(), stranger.device.key()));

    let_everyone_ring(bob);  // now her messages open, as an offer may be in them
    CHECK(bob.receive(stranger.grant(2, token), now).error() == Error::not_permitted);
    CHECK_FALSE(bob.event());
    CHECK_FALSE(bob.holds_capability(stranger.device.identity(), stranger.device.key()));
    auto rings = bob.receive(stranger.offer(std::nullopt), now);
    REQUIRE(rings);
    REQUIRE(*rings);
    CHECK(bob.receive(stranger.grant(3, token), now).error() == Error::not_permitted);  // not answered yet
    REQUIRE((*rings)->accept(voice, now));
    CHECK(bob.receive(stranger.grant(4, token), now));
    CHECK(bob.holds_capability(stranger.device.identity(), stranger.device.key()));
}

TEST_CASE_FIXTURE(People,
                  "a device that gives ninety capabilities one after the other has one held, and is told of once") {
    ByHand carol(bob, random);
    REQUIRE(bob.contacts().meet("Carol", carol.device.identity()));
    for (std::uint32_t number = 1; number <= 90; ++number) {
        const std::array<std::byte, 32> token{static_cast<std::byte>(number)};
        REQUIRE(bob.receive(carol.grant(number, token), now));
    }
    REQUIRE(bob.event());
    CHECK_FALSE(bob.event());
}

TEST_CASE_FIXTURE(People, "each device gives its own, and a device that its list leaves out has none held") {
    DeviceRequest request = DeviceRequest::create(random);
    const Buffer certificate = *bob.certify(request.key());
    Account second = std::move(*Account::join(std::move(request), certificate, random));
    REQUIRE(second.contacts().meet("Alice", alice.identity()));
    REQUIRE(alice.receive(grant(), now));
    auto call = alice.dial(second.identity(), *second.bundle(), voice, now);
    REQUIRE(call);
    CHECK(second.receive(offer(*call).first, now).error() == Error::not_permitted);
    CHECK(second.silenced_calls().at(0).reason == Reason::no_capability);
    REQUIRE(alice.receive(*second.grant(alice.identity(), *alice.bundle()), now));
    call = alice.dial(second.identity(), *second.bundle(), voice, now);
    REQUIRE(call);
    CHECK(second.receive(offer(*call).first, now));
    CHECK(alice.holds_capability(bob.identity(), second.device()));
    REQUIRE(bob.remove_device(second.device()));
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    CHECK_FALSE(alice.holds_capability(bob.identity(), second.device()));
    CHECK(alice.holds_capability(bob.identity(), bob.device()));
}

TEST_CASE_FIXTURE(People, "a capability serves all devices of the one it was given to") {
    DeviceRequest request = DeviceRequest::create(random);
    const Buffer certificate = *alice.certify(request.key());
    Account second = std::move(*Account::join(std::move(request), certificate, random));
    REQUIRE(second.contacts().meet("Bob", bob.identity()));
    REQUIRE(second.receive(*bob.grant(alice.identity(), *second.bundle()), now));
    REQUIRE(alice.receive(grant(), now));
    CHECK(bob.capability_hashes().size() == 1);
    auto call = second.dial(bob.identity(), *bob.bundle(), voice, now);
    REQUIRE(call);
    CHECK(bob.receive(offer(*call).first, now));
    CHECK(rings());
}

TEST_CASE_FIXTURE(People, "a grant that could not be written does not leave, and gives nothing") {
    REQUIRE(bob.save());
    FailingStore failing(store);
    bob = std::move(*Account::open(failing, store_key(1), random));
    failing.failing = FailingStore::Failing::before;
    CHECK(bob.grant(alice.identity(), *alice.bundle()).error() == Error::io_failed);
    failing.failing = FailingStore::Failing::nowhere;
    bob = open_bob();
    CHECK(bob.capability_hashes().empty());
    CHECK(alice_rings() == Reason::no_capability);
}
