// What a relay has told its client, as it came (RFC 8656 §7.3, RFC 8489 §9.2.4): what it wants to be asked with, and
// the address that it gave.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "sotto/bytes.h"
#include "transport/ice_description.h"

namespace sotto::transport {

struct RelayChallenge {
    std::string realm;  // both of 1 to 763 bytes (RFC 8489 §14.9, §14.10)
    std::string nonce;
    bool operator==(const RelayChallenge&) const = default;
};
struct RelayedAddress {
    IpAddress address;
    std::uint16_t port = 0;
    bool operator==(const RelayedAddress&) const = default;
};

class RelayAnswers {
  public:
    // What came at once; a message that does not begin there, or does not end there, is not seen. It is nobody's word:
    // anyone may have written it.
    void take(Bytes received);

    // The newest of each.
    const std::optional<RelayChallenge>& challenge() const { return challenge_; }
    const std::optional<RelayedAddress>& relayed() const { return relayed_; }
    // It gives none: it said no to more than the first request, which only learns what to ask with.
    bool refused() const { return !relayed_ && refused_again_; }

  private:
    std::optional<RelayChallenge> challenge_;
    std::optional<RelayedAddress> relayed_;
    std::optional<std::array<std::byte, 12>> refused_;  // the request to which it said no first
    bool refused_again_ = false;
};

}  // namespace sotto::transport
