// Messages of all three types, changed on the way: each is refused by the name that its place has, and nothing moves.
#include <doctest/doctest.h>

#include "support/message_of_each_type.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

TEST_CASE("one bit changed anywhere is refused for what stands there") {
    MessageOfEachType fixture(91);
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
    MessageOfEachType fixture(93);
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
    MessageOfEachType fixture(95);
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
