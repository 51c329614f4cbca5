// What a TLS session with a relay leaves for the next one: a handshake by it takes one round trip instead of two
// (RFC 5246 §7.3, RFC 5077 §3.1). Whoever has it reads what such a connection carried: a secret.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sotto/error.h"
#include "sotto/secret.h"

namespace sotto::transport {

struct RelaySession {
    static constexpr std::size_t max_secret = 8192;
    // By then the relay has to show its certificate again.
    static constexpr std::chrono::seconds longest{2 * 3600};

    std::string relay;             // its name and port, and who vouches for it
    std::string way;               // both ends' addresses: on another network it would tell that we are the same
    std::chrono::seconds begun{};  // since 1970: when the certificate was checked
    std::chrono::seconds until{};  // no later than `longest`, nor than the certificate is good
    SecretBuffer secret;           // what TLS makes of it

    bool serves(std::string_view over, std::chrono::seconds now) const {
        return secret.size() > 0 && way == over && begun <= now && now < until && until - begun <= longest;
    }
};

// Those that hold a secret; nothing if none does.
SecretBuffer encode_relay_sessions(std::span<const RelaySession* const> sessions);
// Errors: truncated, unsupported_version, malformed, too_large (a secret).
Result<std::vector<RelaySession>> parse_relay_sessions(Bytes kept);

}  // namespace sotto::transport
