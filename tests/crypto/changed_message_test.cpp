// Messages of all three types, changed on the way: each is refused by the name that its place has, and nothing moves.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "crypto/header.h"
#include "crypto/session.h"
#include "support/mutate.h"
#include "support/session_pair.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

// One genuine message of each type, each of which its receiver has yet to open.
struct Fixture {
    explicit Fixture(std::uint64_t seed) : initials(seed), pair(seed + 1) {
        genuine[MessageType::initial] = send(initials.alice(), "initial");
        arrives(pair.alice(), send(pair.bob(), "answer"));
        arrives(pair.bob(), send(pair.alice(), "step"));
        genuine[MessageType::answered] = send(pair.bob(), "of an answered chain", Step::keep);
        genuine[MessageType::unanswered] = send(pair.bob(), "of a chain that is not answered", Step::fresh);
        for (const auto& [type, flight] : genuine) REQUIRE(parse_message(flight.message)->type == type);
    }
    Session& receiver(MessageType type) { return type == MessageType::initial ? initials.bob() : pair.alice(); }
    void arrive() {
        for (const auto& [type, flight] : genuine) arrives(receiver(type), flight);
    }

    SessionPair initials;  // never answered
    SessionPair pair;
    std::map<MessageType, InFlight> genuine;
};

bool is_named(Error error) {
    constexpr Error all[] = {Error::truncated,       Error::malformed, Error::unsupported_version,
                             Error::unknown_session, Error::forged,    Error::wrong_identity,
                             Error::replayed,        Error::too_large};
    return std::ranges::find(all, error) != std::end(all);
}

}  // namespace

TEST_CASE("one bit changed anywhere is refused for what stands there") {
    Fixture fixture(91);
    for (const auto& [type, flight] : fixture.genuine) {
        CAPTURE(static_cast<int>(type));
        Session& at = fixture.receiver(type);
        const Buffer before = saved(at);
        const std::size_t front = front_size(type);
        const std::size_t header = front - ratchet_header_size(type) - header_overhead;
        for (std::size_t place = 0; place < flight.message.size(); ++place) {
            CAPTURE(place);
            const auto opened = at.open(with_flipped_byte(flight.message, place));
            REQUIRE_FALSE(opened);
            if (place == 0) CHECK(opened.error() == Error::unsupported_version);
            if (place == 1) CHECK(opened.error() == Error::malformed);
            // The initial header says which session it is of, and whose.
            if (place >= 2 && place < header) {
                CHECK((opened.error() == Error::unknown_session || opened.error() == Error::wrong_identity));
            }
            // Nonce, ratchet key, numbers, KEM half, tag.
            if (place >= header && place < front) CHECK(opened.error() == Error::unknown_session);
            if (place >= front) CHECK(opened.error() == Error::forged);
            REQUIRE(saved(at) == before);
        }
    }
    fixture.arrive();
}

TEST_CASE("a message under another type's number is refused") {
    Fixture fixture(93);
    for (const auto& [type, flight] : fixture.genuine) {
        for (int other = 0; other < 256; ++other) {
            if (other == static_cast<int>(type)) continue;
            Buffer changed = flight.message;
            changed[1] = static_cast<std::byte>(other);
            const auto opened = fixture.receiver(type).open(changed);
            REQUIRE_FALSE(opened);
            if (other == 0 || other > 3) CHECK(opened.error() == Error::malformed);
        }
    }
    fixture.arrive();
}

TEST_CASE("a message without its end is truncated as long as its header is not whole, and forged from then on") {
    Fixture fixture(95);
    for (const auto& [type, flight] : fixture.genuine) {
        const std::size_t front = front_size(type);
        for (std::size_t size = 0; size < flight.message.size(); ++size) {
            const auto opened = fixture.receiver(type).open(Bytes(flight.message).first(size));
            REQUIRE_FALSE(opened);
            CHECK(opened.error() == (size < front + 16 ? Error::truncated : Error::forged));
        }
    }
    fixture.arrive();
}

TEST_CASE("of a hundred thousand changed messages of all types each is refused by name, and none changes the record") {
    constexpr std::uint64_t seed = 97;
    CAPTURE(seed);
    Fixture fixture(seed);
    SeededRandom random(seed + 2);
    std::map<MessageType, Buffer> before;
    for (const auto& [type, flight] : fixture.genuine) before[type] = saved(fixture.receiver(type));
    std::map<Error, int> refused;
    for (int i = 0; i < 100000; ++i) {
        const auto type = static_cast<MessageType>(1 + random.below(3));
        const Buffer& genuine = fixture.genuine[type].message;
        const Buffer& other = fixture.genuine[static_cast<MessageType>(1 + random.below(3))].message;
        Buffer changed = flipped(genuine, random);
        switch (random.below(5)) {
            case 0: changed.resize(random.below(changed.size())); break;
            case 1: changed.resize(changed.size() + 1 + random.below(64)); break;
            case 2:  // one's beginning before another's end
                changed = genuine;
                changed.resize(random.below(genuine.size()));
                changed.insert(changed.end(), other.end() - static_cast<std::ptrdiff_t>(random.below(other.size())),
                               other.end());
                break;
            default: break;
        }
        if (changed == genuine) continue;
        const auto opened = fixture.receiver(type).open(changed);
        REQUIRE_FALSE(opened);
        REQUIRE(is_named(opened.error()));
        ++refused[opened.error()];
        REQUIRE(saved(fixture.receiver(type)) == before[type]);
    }
    CHECK(refused[Error::truncated] > 1000);
    CHECK(refused[Error::unknown_session] > 1000);
    CHECK(refused[Error::forged] > 1000);
    fixture.arrive();
    // What is not in a record, the sending chain, goes on as well.
    arrives(fixture.pair.bob(), send(fixture.pair.alice(), "go on", Step::keep));
}
