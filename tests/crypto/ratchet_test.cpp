// Sessions between which messages are lost, reordered, repeated and changed; and what they keep of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <string>

#include "crypto/header.h"
#include "crypto/session.h"
#include "support/mutate.h"
#include "support/session_pair.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

TEST_CASE(
    "messages lost, reordered, duplicated, forged and replayed: each genuine one opens once, in both directions") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        SessionPair pair(seed);
        std::deque<InFlight> network[2];  // towards each side
        std::deque<InFlight> delivered[2];
        for (int step = 0; step < 1500; ++step) {
            const std::size_t to = pair.random.below(2);
            auto& pipe = network[to];
            if (pair.random.chance(0.55) || pipe.empty()) {
                const Step wanted = pair.random.chance(0.2) ? Step::fresh : Step::keep;
                pipe.push_back(send(*pair.sides[1 - to], "message " + std::to_string(step), wanted));
                if (pair.random.chance(0.1)) pipe.pop_back();  // lost
                continue;
            }
            // Any of the next eight may come first.
            const std::size_t pick = pair.random.below(std::min<std::size_t>(pipe.size(), 8));
            const InFlight flight = pipe[pick];
            CHECK_FALSE(pair.sides[to]->open(flipped(flight.message, pair.random)));
            CHECK_FALSE(pair.sides[to]->open(Bytes(flight.message).first(pair.random.below(flight.message.size()))));
            arrives(*pair.sides[to], flight);
            refuses(*pair.sides[to], flight.message, Error::replayed);
            pipe.erase(pipe.begin() + static_cast<std::ptrdiff_t>(pick));
            delivered[to].push_back(flight);
            if (delivered[to].size() > 20) {
                const auto old = pair.sides[to]->open(delivered[to].front().message);
                REQUIRE_FALSE(old);
                CHECK((old.error() == Error::replayed || old.error() == Error::unknown_session));
                delivered[to].pop_front();
            }
        }
    }
}

TEST_CASE("a replay within the current chain is called a replay") {
    SessionPair pair(31);
    const InFlight flight = send(pair.alice(), "once");
    arrives(pair.bob(), flight);
    refuses(pair.bob(), flight.message, Error::replayed);
}

TEST_CASE("a jump beyond MAX_SKIP is refused without harm, one within it is followed") {
    SessionPair pair(33);
    static_cast<void>(send(pair.bob(), "whoever has answered keeps more"));
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i <= Session::max_skip + 1; ++i) sent.push_back(send(pair.alice(), std::to_string(i)));
    refuses(pair.bob(), sent.back().message, Error::too_many_skipped);
    arrives(pair.bob(), sent[Session::max_skip]);
    CHECK(pair.bob().skipped_held() == Session::max_skip);
    arrives(pair.bob(), sent[0]);
    CHECK(pair.bob().skipped_held() == Session::max_skip - 1);
}

TEST_CASE("of a chain that is new the first message to come may be the 101st and no later") {
    SessionPair pair(38);
    arrives(pair.alice(), send(pair.bob(), "a step, so that a chain begins"));
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i < Session::max_skip_new_chain + 2; ++i) {
        sent.push_back(send(pair.alice(), std::to_string(i)));
    }
    refuses(pair.bob(), sent[Session::max_skip_new_chain + 1].message, Error::too_many_skipped);
    CHECK(pair.bob().skipped_held() == 0);
    arrives(pair.bob(), sent[Session::max_skip_new_chain]);
    CHECK(pair.bob().skipped_held() == Session::max_skip_new_chain);
    arrives(pair.bob(), sent[0]);
    arrives(pair.bob(), sent[Session::max_skip_new_chain + 1]);
}

TEST_CASE("what overtook the end of the last chain leaves its keys behind, and only once it has authenticated") {
    SessionPair pair(39);
    std::vector<InFlight> overtaken;
    for (std::uint32_t i = 0; i < 3; ++i) overtaken.push_back(send(pair.alice(), std::to_string(i)));
    arrives(pair.alice(), send(pair.bob(), "step"));
    const InFlight next = send(pair.alice(), "of the next chain");
    refuses(pair.bob(), with_flipped_byte(next.message, next.message.size() - 1), Error::forged);
    CHECK(pair.bob().skipped_held() == 0);
    arrives(pair.bob(), next);
    CHECK(pair.bob().skipped_held() == 3);
    // One in a chain that is over is told from a forgery, before it came and after.
    for (const InFlight& flight : overtaken) {
        refuses(pair.bob(), with_flipped_byte(flight.message, flight.message.size() - 1), Error::forged);
        arrives(pair.bob(), flight);
        refuses(pair.bob(), flight.message, Error::replayed);
    }
}

TEST_CASE("skipped keys and header keys are kept for the four chains before the present one, and no longer") {
    SessionPair pair(40);
    std::vector<InFlight> opened, late;
    for (int chain = 0; chain < 10; ++chain) {
        late.push_back(send(pair.alice(), "late"));
        opened.push_back(send(pair.alice(), "in time"));
        arrives(pair.bob(), opened.back());
        arrives(pair.alice(), send(pair.bob(), "answer"));
    }
    // Chains 0 to 9, of which 9 is the present one and 5 to 8 are kept.
    CHECK(pair.bob().skipped_held() == 5);
    CHECK(pair.bob().skipped_given_up() == 5);
    for (std::size_t chain = 0; chain < 5; ++chain) {
        refuses(pair.bob(), opened[chain].message, Error::unknown_session);
        refuses(pair.bob(), late[chain].message, Error::unknown_session);
    }
    for (std::size_t chain = 5; chain < 10; ++chain) {
        CAPTURE(chain);
        refuses(pair.bob(), opened[chain].message, Error::replayed);
        arrives(pair.bob(), late[chain]);
        refuses(pair.bob(), late[chain].message, Error::replayed);
    }
    CHECK(pair.bob().skipped_held() == 0);
}

TEST_CASE("skipped keys are bounded: the oldest are given up and counted") {
    SessionPair pair(34);
    static_cast<void>(send(pair.bob(), "whoever has answered keeps more"));
    InFlight oldest{};
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t i = 0; i < Session::max_skip; ++i) {
            const InFlight flight = send(pair.alice(), "lost");
            if (round == 0 && i == 0) oldest = flight;
        }
        arrives(pair.bob(), send(pair.alice(), "seen"));
    }
    CHECK(pair.bob().skipped_held() == Session::max_skipped);
    CHECK(pair.bob().skipped_given_up() == 3 * Session::max_skip - Session::max_skipped);
    refuses(pair.bob(), oldest.message, Error::replayed);
}

TEST_CASE("the oldest skipped keys are those of the oldest chain") {
    SessionPair pair(42);
    static_cast<void>(send(pair.bob(), "whoever has answered keeps more"));
    const InFlight first = send(pair.alice(), "of the first chain");
    const InFlight second = send(pair.alice(), "of the first chain");
    arrives(pair.alice(), send(pair.bob(), "a step"));
    std::vector<InFlight> lost;
    for (std::uint32_t i = 0; i < 2 * Session::max_skip; ++i) {
        lost.push_back(send(pair.alice(), "lost"));
        if (i == 0 || i == Session::max_skip) arrives(pair.bob(), lost.back());
    }
    arrives(pair.bob(), send(pair.alice(), "seen"));
    CHECK(pair.bob().skipped_held() == Session::max_skipped);
    CHECK(pair.bob().skipped_given_up() == 0);
    lost.push_back(send(pair.alice(), "lost"));
    arrives(pair.bob(), send(pair.alice(), "seen"));
    CHECK(pair.bob().skipped_given_up() == 1);
    refuses(pair.bob(), first.message, Error::replayed);
    arrives(pair.bob(), second);
    arrives(pair.bob(), lost[1]);
}

TEST_CASE(
    "a session in which we have said nothing keeps few skipped keys, the newest, and more from our first word on") {
    SessionPair pair(41);
    std::vector<InFlight> sent;
    for (std::uint32_t i = 0; i < 100; ++i) sent.push_back(send(pair.alice(), std::to_string(i)));
    arrives(pair.bob(), sent[50]);
    CHECK(pair.bob().skipped_held() == Session::max_skipped_unanswered);
    CHECK(pair.bob().skipped_given_up() == 50 - Session::max_skipped_unanswered);
    refuses(pair.bob(), sent[49 - Session::max_skipped_unanswered].message, Error::replayed);
    arrives(pair.bob(), sent[50 - Session::max_skipped_unanswered]);
    CHECK_FALSE(pair.bob().has_sealed());
    static_cast<void>(send(pair.bob(), "our first word"));
    CHECK(pair.bob().has_sealed());
    arrives(pair.bob(), sent[99]);
    CHECK(pair.bob().skipped_held() == Session::max_skipped_unanswered - 1 + 48);
}

TEST_CASE("a plaintext over the limit is refused and uses neither a message number nor a step") {
    SessionPair pair(37);
    const Buffer huge(Session::max_plaintext + 1);
    CHECK(pair.alice().seal(huge, Step::fresh).error() == Error::too_large);
    arrives(pair.bob(), send(pair.alice(), "next"));
    CHECK(pair.bob().skipped_held() == 0);
    const Buffer before = saved(pair.bob());
    CHECK(pair.bob().seal(huge, Step::fresh).error() == Error::too_large);
    CHECK(saved(pair.bob()) == before);
    CHECK(pair.bob().seal(Bytes(huge).first(Session::max_plaintext), Step::fresh));
}

TEST_CASE("a message that holds more than max_plaintext is refused before any cryptography") {
    for (const MessageType type : {MessageType::initial, MessageType::unanswered, MessageType::answered}) {
        InitialHeader initial{};
        initial.signed_prekey = initial.kem_prekey = 1;
        Buffer message(front_size(type) + Session::max_plaintext + aead_overhead);
        static_cast<void>(write_outside(type, type == MessageType::initial ? &initial : nullptr, message));
        CHECK(parse_message(message));
        message.push_back(std::byte{0});
        CHECK(parse_message(message).error() == Error::too_large);
    }
}
