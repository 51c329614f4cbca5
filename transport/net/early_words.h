// What goes to a relay and to a peer besides libnice's own words, composed by libnice's STUN (RFC 8489).
#pragma once

#include <cstdint>
#include <string_view>

#include "sotto/bytes.h"
#include "transport/ice_description.h"
#include "transport/net/relay_server.h"
#include "transport/relay_answers.h"

namespace sotto::transport::net {

struct CheckTerms {
    std::string_view fragment, remote_fragment;
    std::string_view remote_password;
    bool controlling = false;
    std::uint64_t tie_breaker = 0;
};
// A Binding request without USE-CANDIDATE (RFC 8445 §7.2.2). Gives its size; 0: there is no room for it.
std::size_t write_check(const CheckTerms& terms, MutableBytes out);

// Asks a relay to let in what the host `peer` sends (RFC 8656 §9.1). Gives its size; 0: there is no room for it.
std::size_t write_permission(const RelayServer& relay, const RelayChallenge& challenge, const IpAddress& peer,
                             MutableBytes out);

}  // namespace sotto::transport::net
