// Two sessions of one PQXDH, and what travels between them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "crypto/session.h"
#include "support/random.h"

namespace sotto::test {

// Alice's hello has opened at Bob's, who has said nothing yet.
struct SessionPair {
    explicit SessionPair(std::uint64_t seed) : random(seed) {
        const auto alices = crypto::Device::generate(crypto::Identity::generate(random), random);
        const auto bobs = crypto::Device::generate(crypto::Identity::generate(random), random);
        auto prekeys = crypto::PrekeyStore::generate(1, random);
        sides[0] = std::make_unique<crypto::Session>(
            std::move(*crypto::Session::initiate(alices, prekeys.publish(bobs), random)));
        const auto hello = sides[0]->seal(as_bytes("hello"), crypto::Step::keep);
        auto accepted = crypto::Session::accept(bobs, prekeys, hello->message, random);
        sides[1] = std::make_unique<crypto::Session>(std::move(accepted->session));
    }
    crypto::Session& alice() { return *sides[0]; }
    crypto::Session& bob() { return *sides[1]; }

    SeededRandom random;
    std::unique_ptr<crypto::Session> sides[2];
};

struct InFlight {
    std::string text;
    Buffer message;
    std::array<std::byte, 32> exported{};
    bool stepped = false;
};

inline InFlight send(crypto::Session& from, const std::string& text, crypto::Step step = crypto::Step::fresh) {
    auto sealed = from.seal(as_bytes(text), step);
    REQUIRE(sealed);
    InFlight flight{text, sealed->message, {}, sealed->stepped};
    std::ranges::copy(sealed->exported.reveal(), flight.exported.begin());
    return flight;
}

inline void arrives(crypto::Session& at, const InFlight& flight) {
    const auto opened = at.open(flight.message);
    REQUIRE(opened);
    CHECK(opened->plaintext == to_buffer(as_bytes(flight.text)));
    CHECK(std::ranges::equal(opened->exported.reveal(), flight.exported));
}

inline Buffer saved(const crypto::Session& session) { return to_buffer(session.save().reveal()); }

// Refused by that name, and not a bit of the session changed.
inline void refuses(crypto::Session& at, Bytes message, Error error) {
    const Buffer before = saved(at);
    const auto opened = at.open(message);
    REQUIRE_FALSE(opened);
    CHECK(name(opened.error()) == name(error));
    CHECK(saved(at) == before);
}

inline Buffer with_flipped_byte(Bytes message, std::size_t at) {
    Buffer changed = to_buffer(message);
    changed[at] ^= std::byte{0x10};
    return changed;
}

}  // namespace sotto::test
