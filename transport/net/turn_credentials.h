// Time-limited credentials for a relay, as whoever holds its secret gives them out: coturn's "TURN REST API" scheme
// (draft-uberti-behave-turn-rest-00 §2.2). For servers, tests and the command line; a client is given the result.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace sotto::transport::net {

struct TurnCredentials {
    std::string user;      // "EXPIRY" or "EXPIRY:NAME", the expiry in seconds since 1970
    std::string password;  // base64(HMAC-SHA1(secret, user))
};

// `name` tells the relay's operator whom it serves; leave it empty unless that is wanted.
TurnCredentials turn_credentials(std::string_view secret, std::chrono::sys_seconds expiry, std::string_view name = {});

}  // namespace sotto::transport::net
