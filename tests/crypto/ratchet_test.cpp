#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "crypto/header.h"
#include "crypto/primitives.h"
#include "crypto/session.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

struct Pair {
    explicit Pair(std::uint64_t seed) : random(seed) {
        const Device alice = Device::generate(Identity::generate(random), random);
        const Device bob = Device::generate(Identity::generate(random), random);
        PrekeyStore prekeys = PrekeyStore::generate(1, random);
        sides[0] = std::make_unique<Session>(std::move(*Session::initiate(alice, prekeys.publish(bob), random)));
        auto accepted = Session::accept(bob, prekeys, sides[0]->seal(as_bytes("hello"))->message, random);
        sides[1] = std::make_unique<Session>(std::move(accepted->session));
    }
    test::SeededRandom random;
    std::unique_ptr<Session> sides[2];
};

struct InFlight {
    std::string text;
    Buffer message;
    std::array<std::byte, 32> exported;
};

InFlight send(Session& from, const std::string& text) {
    auto sealed = from.seal(as_bytes(text));
    REQUIRE(sealed);
    InFlight flight{text, sealed->message, {}};
    std::ranges::copy(sealed->exported.reveal(), flight.exported.begin());
    return flight;
}

void arrives(Session& at, const InFlight& flight) {
    const auto opened = at.open(flight.message);
    REQUIRE(opened);
    CHECK(opened->plaintext == to_buffer(as_bytes(flight.text)));
    CHECK(std::ranges::equal(opened->exported.reveal(), flight.exported));
}

bool is_refusal(Error error) {
    return error == Error::replayed || error == Error::forged || error == Error::too_many_skipped;
}

}  // namespace

TEST_CASE(
    "messages lost, reordered, duplicated, forged and replayed: each genuine one opens once, in both directions") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        Pair pair(seed);
        std::deque<InFlight> network[2];  // towards each side
        std::deque<InFlight> delivered[2];
        for (int step = 0; step < 1500; ++step) {
            const std::size_t to = pair.random.below(2);
            auto& pipe = network[to];
            if (pair.random.chance(0.55) || pipe.empty()) {
                pipe.push_back(send(*pair.sides[1 - to], "message " + std::to_string(step)));
                if (pair.random.chance(0.1)) pipe.pop_back();  // lost
                continue;
            }
            // Any of the next eight may come first.
            const std::size_t pick = pair.random.below(std::min<std::size_t>(pipe.size(), 8));
            const InFlight flight = pipe[pick];
            const auto forged = pair.sides[to]->open(test::flipped(flight.message, pair.random));
            CHECK_FALSE(forged);
            CHECK_FALSE(pair.sides[to]->open(Bytes(flight.message).first(pair.random.below(flight.message.size()))));
            arrives(*pair.sides[to], flight);
            const auto again = pair.sides[to]->open(flight.message);
            REQUIRE_FALSE(again);
            CHECK(is_refusal(again.error()));
            pipe.erase(pipe.begin() + static_cast<std::ptrdiff_t>(pick));
            delivered[to].push_back(flight);
            if (delivered[to].size() > 20) {
                const auto old = pair.sides[to]->open(delivered[to].front().message);
                REQUIRE_FALSE(old);
                CHECK(is_refusal(old.error()));
                delivered[to].pop_front();
            }
        }
    }
}

TEST_CASE("a replay within the current chain is called a replay") {
    Pair pair(31);
    const InFlight flight = send(*pair.sides[0], "once");
    arrives(*pair.sides[1], flight);
    CHECK(pair.sides[1]->open(flight.message).error() == Error::replayed);
}

TEST_CASE("a replay of an earlier chain is called a replay") {
    Pair pair(32);
    const InFlight first = send(*pair.sides[0], "first");
    arrives(*pair.sides[1], first);
    for (int i = 0; i < 4; ++i) {
        arrives(*pair.sides[0], send(*pair.sides[1], "pong"));
        arrives(*pair.sides[1], send(*pair.sides[0], "ping"));
    }
    CHECK(pair.sides[1]->open(first.message).error() == Error::replayed);
}

TEST_CASE("a jump beyond MAX_SKIP is refused without harm, one within it is followed") {
    Pair pair(33);
    static_cast<void>(send(*pair.sides[1], "whoever has answered keeps more"));
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i <= Session::max_skip + 1; ++i) sent.push_back(send(*pair.sides[0], std::to_string(i)));
    CHECK(pair.sides[1]->open(sent.back().message).error() == Error::too_many_skipped);
    arrives(*pair.sides[1], sent[Session::max_skip]);
    CHECK(pair.sides[1]->skipped_held() == Session::max_skip);
    arrives(*pair.sides[1], sent[0]);
    CHECK(pair.sides[1]->skipped_held() == Session::max_skip - 1);
}

TEST_CASE("of a chain that is new the first message to come may be the 101st and no later") {
    Pair pair(38);
    arrives(*pair.sides[0], send(*pair.sides[1], "a step, so that a chain begins"));
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i < Session::max_skip_new_chain + 2; ++i) {
        sent.push_back(send(*pair.sides[0], std::to_string(i)));
    }
    CHECK(pair.sides[1]->open(sent[Session::max_skip_new_chain + 1].message).error() == Error::too_many_skipped);
    CHECK(pair.sides[1]->skipped_held() == 0);
    arrives(*pair.sides[1], sent[Session::max_skip_new_chain]);
    CHECK(pair.sides[1]->skipped_held() == Session::max_skip_new_chain);
    arrives(*pair.sides[1], sent[0]);
    arrives(*pair.sides[1], sent[Session::max_skip_new_chain + 1]);
}

TEST_CASE("what overtook the end of the last chain leaves its keys behind, and only once it has authenticated") {
    Pair pair(39);
    std::vector<InFlight> overtaken;
    for (std::uint32_t i = 0; i < 3; ++i) overtaken.push_back(send(*pair.sides[0], std::to_string(i)));
    arrives(*pair.sides[0], send(*pair.sides[1], "step"));
    const InFlight next = send(*pair.sides[0], "of the next chain");
    Buffer forged = next.message;
    forged.back() ^= std::byte{1};
    CHECK(pair.sides[1]->open(forged).error() == Error::forged);
    CHECK(pair.sides[1]->skipped_held() == 0);
    arrives(*pair.sides[1], next);
    CHECK(pair.sides[1]->skipped_held() == 3);
    for (const InFlight& flight : overtaken) arrives(*pair.sides[1], flight);
}

TEST_CASE("a session knows the ratchet keys that its peer has used: the present, the past and those of kept keys") {
    Pair pair(40);
    const auto key_of = [](const InFlight& flight) { return peek(flight.message)->ratchet_key; };
    const InFlight first = send(*pair.sides[0], "first");
    CHECK(pair.sides[1]->knows(key_of(first)));  // of the same chain as "hello"
    for (int i = 0; i < 20; ++i) {
        const InFlight pong = send(*pair.sides[1], "pong");
        CHECK_FALSE(pair.sides[0]->knows(key_of(pong)));
        arrives(*pair.sides[0], pong);
        CHECK(pair.sides[0]->knows(key_of(pong)));
        arrives(*pair.sides[1], send(*pair.sides[0], "ping"));
    }
    CHECK(pair.sides[1]->knows(key_of(first)));
    arrives(*pair.sides[1], first);
    CHECK_FALSE(pair.sides[1]->knows(key_of(first)));  // more than 16 chains ago, and nothing is kept for it
}

TEST_CASE("skipped keys are bounded: the oldest are given up and counted") {
    Pair pair(34);
    static_cast<void>(send(*pair.sides[1], "whoever has answered keeps more"));
    InFlight oldest{};
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t i = 0; i < Session::max_skip; ++i) {
            const InFlight flight = send(*pair.sides[0], "lost");
            if (round == 0 && i == 0) oldest = flight;
        }
        arrives(*pair.sides[1], send(*pair.sides[0], "seen"));
    }
    CHECK(pair.sides[1]->skipped_held() == Session::max_skipped);
    CHECK(pair.sides[1]->skipped_given_up() == 3 * Session::max_skip - Session::max_skipped);
    CHECK(pair.sides[1]->open(oldest.message).error() == Error::replayed);
}

TEST_CASE(
    "a session in which we have said nothing keeps few skipped keys, the newest, and more from our first word on") {
    Pair pair(41);
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i < 100; ++i) sent.push_back(send(*pair.sides[0], std::to_string(i)));
    arrives(*pair.sides[1], sent[50]);
    CHECK(pair.sides[1]->skipped_held() == Session::max_skipped_unanswered);
    CHECK(pair.sides[1]->skipped_given_up() == 50 - Session::max_skipped_unanswered);
    CHECK(pair.sides[1]->open(sent[49 - Session::max_skipped_unanswered].message).error() == Error::replayed);
    arrives(*pair.sides[1], sent[50 - Session::max_skipped_unanswered]);
    CHECK_FALSE(pair.sides[1]->has_sealed());
    static_cast<void>(send(*pair.sides[1], "our first word"));
    CHECK(pair.sides[1]->has_sealed());
    arrives(*pair.sides[1], sent[99]);
    CHECK(pair.sides[1]->skipped_held() == Session::max_skipped_unanswered - 1 + 48);
}

TEST_CASE("forged ratchet steps change nothing") {
    Pair pair(35);
    const InFlight genuine = send(*pair.sides[0], "genuine");
    for (int i = 0; i < 200; ++i) {
        // A new ratchet key in the header, as an attacker would send.
        Buffer forged = genuine.message;
        pair.random.fill(MutableBytes(forged).subspan(forged.size() - 16 - 7 - 40, 32));
        CHECK_FALSE(pair.sides[1]->open(forged));
    }
    arrives(*pair.sides[1], genuine);
    arrives(*pair.sides[0], send(*pair.sides[1], "still here"));
}

TEST_CASE("a stolen chain heals: keys before and after a ratchet step are unrelated in both headers and bytes") {
    Pair pair(36);
    const InFlight before = send(*pair.sides[0], "same text");
    arrives(*pair.sides[1], before);
    arrives(*pair.sides[0], send(*pair.sides[1], "step"));
    const InFlight after = send(*pair.sides[0], "same text");
    CHECK(before.exported != after.exported);
    CHECK(before.message != after.message);
    arrives(*pair.sides[1], after);
}

TEST_CASE("a plaintext over the limit is refused and uses no message number") {
    Pair pair(37);
    const Buffer huge(Session::max_plaintext + 1);
    CHECK(pair.sides[0]->seal(huge).error() == Error::too_large);
    arrives(*pair.sides[1], send(*pair.sides[0], "next"));
    CHECK(pair.sides[1]->skipped_held() == 0);
}

TEST_CASE("the limit on skipping holds for a first message too, before any chain exists") {
    Pair pair(6);
    InFlight first = send(*pair.sides[1], "the first of this direction");
    Buffer claims_too_many = first.message;
    static_assert(Session::max_skip + 1 == 0x03e9);
    constexpr std::size_t previous_offset = 2 + 32;  // docs/protocol.md, "Messages": PN
    claims_too_many[previous_offset + 2] = std::byte{0x03};
    claims_too_many[previous_offset + 3] = std::byte{0xe9};
    CHECK(pair.sides[0]->open(claims_too_many).error() == Error::too_many_skipped);
    arrives(*pair.sides[0], first);
}

TEST_CASE("a message that holds more than max_plaintext is refused before any cryptography") {
    const RatchetHeader header;
    for (const std::size_t over : {std::size_t{0}, std::size_t{1}}) {
        const std::size_t sealed = Session::max_plaintext + aead_overhead + over;
        InitialHeader initial{};
        initial.signed_prekey = initial.kem_prekey = 1;
        for (const Buffer& message :
             {write_headers(nullptr, header, sealed), write_headers(&initial, header, sealed)}) {
            const auto parsed = parse_message(message);
            CHECK(parsed.has_value() == (over == 0));
            if (over > 0) CHECK(parsed.error() == Error::too_large);
        }
    }
}
