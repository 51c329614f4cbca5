// A message of each type, not opened yet.
#pragma once

#include <doctest/doctest.h>

#include <map>

#include "crypto/header.h"
#include "support/session_pair.h"

namespace sotto::test {

// One genuine message of each type, each of which its receiver has yet to open.
struct MessageOfEachType {
    explicit MessageOfEachType(std::uint64_t seed) : initials(seed), pair(seed + 1) {
        genuine[crypto::MessageType::initial] = send(initials.alice(), "initial");
        arrives(pair.alice(), send(pair.bob(), "answer"));
        arrives(pair.bob(), send(pair.alice(), "step"));
        genuine[crypto::MessageType::answered] = send(pair.bob(), "of an answered chain", crypto::Step::keep);
        genuine[crypto::MessageType::unanswered] =
            send(pair.bob(), "of a chain that is not answered", crypto::Step::fresh);
        for (const auto& [type, flight] : genuine) REQUIRE(crypto::parse_message(flight.message)->type == type);
    }
    crypto::Session& receiver(crypto::MessageType type) {
        return type == crypto::MessageType::initial ? initials.bob() : pair.alice();
    }
    void arrive() {
        for (const auto& [type, flight] : genuine) arrives(receiver(type), flight);
    }

    SessionPair initials;  // never answered
    SessionPair pair;
    std::map<crypto::MessageType, InFlight> genuine;
};

}  // namespace sotto::test
