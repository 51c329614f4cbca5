// A directory and a signalling server under an attacker with accounts of its own: bundles swapped, changed and stale,
// two calls spliced, versions downgraded, signals invented. No key is shared with it unnoticed.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "call/signal.h"
#include "crypto/prekeys.h"
#include "crypto/session.h"
#include "sim/middle.h"
#include "support/key_log_file.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// Somebody with the cryptography of an account and no scruples.
struct Mallory {
    explicit Mallory(std::uint64_t seed)
        : random(seed), device(crypto::Device::generate(crypto::Identity::generate(random), random)) {}

    crypto::Session begin(Account& with) {
        return std::move(*crypto::Session::initiate(device, *crypto::parse_bundle(*with.bundle()), random));
    }

    SeededRandom random;
    crypto::Device device;
};

// One of each kind, but for the offer and the grant, which are of no call that there is.
std::vector<call::SignalBody> bodies() {
    const call::StreamOffer streams{
        .audio = true, .audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}};
    return {call::Answer{.streams = streams},
            call::Route{as_bytes("to Mallory")},
            call::HangUp{EndReason::hung_up},
            call::Reveal{},
            call::Rekey{1},
            call::Rekeyed{1},
            call::Ringing{},
            call::MediaNotice{.number = 9, .status = {.muted = true}},
            call::Pictures{call::Pictures::Say::ask}};
}
Buffer sealed(crypto::Session& session, const call::CallSignal& signal) {
    return session.seal(*call::encode(signal), crypto::Step::fresh)->message;
}

// Of a call that nothing has touched.
Seen seen_by_both(const TwoParty& world) {
    for (const Side* const side : {&world.caller, &world.callee}) {
        CHECK(side->ended->reason == EndReason::hung_up);
        CHECK(side->played > 80);
        CHECK(side->signal_errors.empty());
        CHECK(side->call->short_auth());
        CHECK_FALSE(side->call->peer_media().muted);
    }
    CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
    CHECK(world.caller.news == "video no ");
    CHECK(world.callee.news == "video? ");
    CHECK(world.caller.route == "to the callee");
    CHECK(world.callee.route == "to the caller");
    return seen(world);
}

bool disjoint(const std::set<std::string>& a, const std::set<std::string>& b) {
    return std::ranges::none_of(a, [&](const std::string& key) { return b.contains(key); });
}

// Dials, answers and talks no further; each side's keys go into its own log.
struct LoggedCall {
    explicit LoggedCall(std::uint64_t seed) : world(seed) {
        REQUIRE(world.dial(voice));
        const KeyLogFile callees;
        REQUIRE(world.callee.call->accept(voice, world.now));
        const KeyLogFile callers;
        world.settle();
        of_callee = callees.keys();
        of_caller = callers.keys();
    }
    TwoParty world;
    std::set<std::string> of_caller{}, of_callee{};
};

void dial_by(TwoParty& world, Bytes bundle) {
    auto dialled = world.caller.account.dial(world.callee.account.identity(), bundle, voice, world.now);
    REQUIRE(dialled);
    world.caller.call.emplace(std::move(*dialled));
    world.settle();
}
void talk_if_it_rings(TwoParty& world) {
    if (!world.callee.call) return;
    REQUIRE(world.callee.call->accept(voice, world.now));
    world.talk(500ms, voice);
    CHECK(world.caller.played > 30);
    CHECK(world.callee.played > 30);
    CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
    CHECK(world.caller.call->safety_number() ==
          safety_number(world.caller.account.identity(), world.callee.account.identity()));
}

// What `from` heard goes to `to` as its microphone's, a block at a time.
void pass_sound_on(Side& from, Side& to, std::size_t& passed, Instant now) {
    for (; passed + 480 <= from.heard.size(); passed += 480) {
        const std::span<const std::int16_t> block(from.heard.data() + passed, 480);
        static_cast<void>(to.call->send(AudioBlock{.samples = block, .captured = now}, now));
    }
}

}  // namespace

TEST_CASE("signals of an attacker's accounts that name the call, and random bytes, are refused and change nothing") {
    const auto call = [](bool injects) {
        TwoParty world(421);
        Middle middle(world);
        Mallory stranger(9421), contact(9521);
        std::vector<crypto::Session> of_stranger, of_contact;
        for (Side* const to : {&world.caller, &world.callee}) {
            REQUIRE(to->account.contacts().meet("Mallory", contact.device.identity()));
            of_stranger.push_back(stranger.begin(to->account));
            of_contact.push_back(contact.begin(to->account));
        }
        std::uint64_t given = 0;
        if (injects) {
            middle.each_step = [&] {
                const CallId id = world.caller.call->id();
                for (std::size_t to = 0; to < 2; ++to) {
                    Side& side = to == 0 ? world.caller : world.callee;
                    const auto gives = [&](Bytes signal) {
                        ++given;
                        const auto taken = middle.give(side, signal);
                        return taken ? std::nullopt : std::optional(taken.error());
                    };
                    for (const call::SignalBody& body : bodies()) {
                        CAPTURE(body.index());
                        CHECK(gives(sealed(of_stranger[to], {.call = id, .body = body})) == Error::not_permitted);
                        CHECK(gives(sealed(of_contact[to], {.call = id, .body = body})) == Error::unknown_call);
                    }
                    const call::Offer offer{
                        .streams = {.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}}};
                    CHECK(gives(sealed(of_stranger[to], {.call = id, .body = offer})) == Error::not_permitted);
                    Buffer noise(stranger.random.below(4000));
                    stranger.random.fill(noise);
                    CHECK(gives(noise));
                    if (noise.size() < 2) continue;
                    noise[0] = std::byte{1};
                    noise[1] = static_cast<std::byte>(1 + stranger.random.below(3));
                    CHECK(gives(noise));
                }
            };
        }
        middle.call();
        if (injects) CHECK(given > 1500);
        CHECK(world.caller.account.refused().total() + world.callee.account.refused().total() == given);
        return seen_by_both(world);
    };
    CHECK(call(true) == call(false));
}

TEST_CASE("an attacker with a whole call to each of the two holds their keys, and both strings and numbers tell") {
    // Each knows the attacker's account by the other's name: the directory said so when they first met.
    LoggedCall alices(431), bobs(432);
    TwoParty& to_alice = alices.world;
    TwoParty& to_bob = bobs.world;
    Side &alice = to_alice.caller, &bob = to_bob.callee;
    std::size_t to_bob_passed = 0, to_alice_passed = 0;
    double heard = 0;
    for (int i = 0; i < 200; ++i) {
        std::array<std::int16_t, 480> tone{};
        for (std::size_t k = 0; k < tone.size(); ++k) tone[k] = (k / 48) % 2 == 0 ? 8000 : -8000;
        const Instant now = to_alice.now;
        for (Side* const side : {&alice, &bob}) {
            REQUIRE(side->call->send(AudioBlock{.samples = tone, .captured = now}, now));
        }
        pass_sound_on(to_alice.callee, to_bob.caller, to_bob_passed, now);
        pass_sound_on(to_bob.caller, to_alice.callee, to_alice_passed, now);
        for (TwoParty* const world : {&to_alice, &to_bob}) {
            for (int k = 0; k < 10; ++k, world->now += 1ms) world->settle();
        }
    }
    for (const Side* const side : {&alice, &bob}) {
        CHECK(side->played > 100);
        heard = 0;
        for (const std::int16_t sample : side->heard) heard += std::abs(sample);
        CHECK(heard / static_cast<double>(side->heard.size()) > 1000);  // each other, by way of Mallory
    }

    const SafetyNumber right = safety_number(alice.account.identity(), bob.account.identity());
    CHECK(alice.call->safety_number() != right);
    CHECK(bob.call->safety_number() != right);
    CHECK(alice.call->safety_number() != bob.call->safety_number());
    REQUIRE((alice.call->short_auth() && bob.call->short_auth()));
    CHECK(*alice.call->short_auth() != *bob.call->short_auth());
    if (!key_log_is_built_in) return;
    // What the strings are for: Mallory's accounts hold each side's keys, which the two do not share.
    CHECK(alices.of_callee.size() == 6);
    CHECK(std::ranges::includes(alices.of_caller, alices.of_callee));
    CHECK(bobs.of_callee.size() == 6);
    CHECK(std::ranges::includes(bobs.of_caller, bobs.of_callee));
    CHECK(disjoint(alices.of_caller, bobs.of_callee));
}

TEST_CASE("an attacker's bundle under the name or identity of somebody known is refused before anything is sealed") {
    TwoParty world(433);
    Side mallory(434);
    Account& caller = world.caller.account;
    const Buffer bundle = *mallory.account.bundle();
    CHECK(caller.dial("callee", bundle, voice, world.now).error() == Error::identity_changed);
    CHECK(caller.dial(world.callee.account.identity(), bundle, voice, world.now).error() == Error::wrong_identity);
    const auto change = caller.contacts().pending("callee");
    REQUIRE(change);
    CHECK(change->met_number == safety_number(caller.identity(), mallory.account.identity()));
    CHECK(change->met_number != change->remembered_number);
    // And in the other direction: whom the server calls "caller" does not ring as the caller.
    Account& callee = world.callee.account;
    CHECK(callee.contacts().meet("caller", mallory.account.identity()).error() == Error::identity_changed);
    auto dialled = mallory.account.dial(callee.identity(), *callee.bundle(), voice, world.now);
    REQUIRE(dialled);
    const auto offer = dialled->poll(world.now);
    REQUIRE(offer);
    CHECK(callee.receive(std::get<Signal>(*offer).bytes, world.now).error() == Error::not_permitted);
}

TEST_CASE("a bundle with a bit changed in any byte makes no session, and nobody rings") {
    TwoParty world(435);
    Account& callee = world.callee.account;
    const Buffer bundle = *callee.bundle();
    CHECK(bundle.size() == 1517);
    SeededRandom random(9435);
    constexpr std::size_t signed_size = 1481;
    std::set<Error> errors;
    for (std::size_t at = 0; at < bundle.size(); ++at) {
        CAPTURE(at);
        Buffer changed = bundle;
        // The top bit of an X25519 key says nothing (RFC 7748 §5).
        changed[at] ^= static_cast<std::byte>(1U << random.below(at + 1 == bundle.size() ? 7 : 8));
        if (at < signed_size) {
            const auto dialled = world.caller.account.dial(callee.identity(), changed, voice, world.now);
            REQUIRE_FALSE(dialled);
            errors.insert(dialled.error());
            continue;
        }
        // Nothing signs the one-time prekey: the callee finds out.
        Side caller(9600 + at);
        REQUIRE(callee.contacts().meet("caller " + std::to_string(at), caller.account.identity()));
        auto dialled = caller.account.dial(callee.identity(), changed, voice, world.now);
        REQUIRE(dialled);
        const auto offer = dialled->poll(world.now);
        REQUIRE(offer);
        const Error refused = callee.receive(std::get<Signal>(*offer).bytes, world.now).error();
        const bool named =
            refused == Error::unknown_prekey || refused == Error::unknown_session || refused == Error::forged;
        CAPTURE(name(refused));
        CHECK(named);
    }
    CHECK(errors.contains(Error::bad_signature));
    CHECK(errors.contains(Error::unsupported_version));
    CHECK_FALSE(errors.contains(Error::invalid_argument));
}

TEST_CASE("a bundle without its one-time prekey, which a directory may withhold, makes a call as any other") {
    TwoParty world(436);
    Buffer bundle = *world.callee.account.bundle();
    bundle.resize(1485);
    std::ranges::fill(std::span(bundle).last(4), std::byte{0});
    dial_by(world, bundle);
    talk_if_it_rings(world);
    CHECK(world.caller.active);
    CHECK(world.callee.active);
}

TEST_CASE("a stale bundle is good after one renewal, and after two its offer is refused by name and nobody rings") {
    for (const int renewals : {1, 2}) {
        CAPTURE(renewals);
        TwoParty world(437);
        const Buffer stale = *world.callee.account.bundle();
        for (int i = 0; i < renewals; ++i) REQUIRE(world.callee.account.renew_prekeys());
        dial_by(world, stale);
        talk_if_it_rings(world);
        CHECK(world.callee.call.has_value() == (renewals == 1));
        if (renewals == 1) continue;
        CHECK(world.callee.signal_errors == std::vector{Error::unknown_prekey});
        world.talk(ring_timeout + 1ms, voice);
        CHECK(world.caller.ended->reason == EndReason::not_answered);
        // The next call, by a bundle of today, works.
        world.caller.call.reset();
        world.connect(voice);
        CHECK(world.callee.active);
    }
}

TEST_CASE("another version of bundle, message, plaintext or device list is refused as that, and the call goes on") {
    TwoParty world(438);
    Middle middle(world);
    Account &caller = world.caller.account, &callee = world.callee.account;
    for (const int version : {0, 2, 255}) {
        Buffer bundle = *callee.bundle();
        bundle[0] = static_cast<std::byte>(version);
        CHECK(caller.dial(callee.identity(), bundle, voice, world.now).error() == Error::unsupported_version);
        Buffer list = *callee.publish_devices();
        list[0] = static_cast<std::byte>(version);
        CHECK(caller.learn_devices(list).error() == Error::unsupported_version);
    }
    middle.treat = [&](std::size_t index) {
        Buffer changed = middle.seen[index].bytes;
        for (const int version : {0, 2, 255}) {
            changed[0] = static_cast<std::byte>(version);
            const auto taken = middle.give(middle.receiver(middle.seen[index]), changed);
            CHECK((!taken && taken.error() == Error::unsupported_version));
        }
        middle.pass(index);
    };
    Mallory peer(9438);  // may ring, and seals what it likes
    REQUIRE(callee.contacts().meet("peer", peer.device.identity()));
    crypto::Session session = peer.begin(callee);
    middle.each_step = [&] {
        for (const int version : {0, 2, 255}) {
            auto plaintext = *call::encode({.call = {}, .body = call::Ringing{}});
            plaintext[0] = static_cast<std::byte>(version);
            const auto taken = middle.give(world.callee, session.seal(plaintext, crypto::Step::fresh)->message);
            CHECK((!taken && taken.error() == Error::unsupported_version));
        }
    };
    middle.call();
    static_cast<void>(seen_by_both(world));
}

TEST_CASE("an older device list that a directory hands out again revokes nobody and brings nobody back") {
    TwoParty world(439);
    Account &caller = world.caller.account, &callee = world.callee.account;
    DeviceRequest request = DeviceRequest::create(world.callee.random);
    const DeviceKey second = request.key();
    Account joined = std::move(*Account::join(std::move(request), *callee.certify(second), world.callee.random));
    const Buffer of_two = *callee.publish_devices();
    const Buffer bundle = *joined.bundle();
    REQUIRE(callee.remove_device(second));
    const Buffer of_one = *callee.publish_devices();
    REQUIRE(caller.learn_devices(of_one));
    CHECK(caller.learn_devices(of_two).error() == Error::outdated);
    CHECK(caller.learn_devices(of_one).error() == Error::outdated);
    CHECK(caller.dial(callee.identity(), bundle, voice, world.now).error() == Error::revoked);
    CHECK(caller.dial(callee.identity(), *callee.bundle(), voice, world.now));
}
