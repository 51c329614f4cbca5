#include "call/packet_cipher.h"

#include <doctest/doctest.h>

#include "call/send_stream.h"
#include "crypto/locked.h"
#include "sotto/identity.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::call;

TEST_CASE("media have libsodium's cipher wherever the processor can run it") {
    const bool can = crypto::packet_cipher() != nullptr;
    CHECK(choose_packet_cipher() == can);  // libsrtp holds it to known answers

    test::SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    const std::size_t before = crypto::locked_memory().in_use;
    const auto stream = SendStream::create(std::move(key), {.ssrc = Ssrc{1}}, random);
    REQUIRE(stream);
    // One for SRTP and one for SRTCP: nothing else of a stream lies in locked memory.
    CHECK((crypto::locked_memory().in_use > before) == can);
}
