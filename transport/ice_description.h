// What one side tells the other of its ICE agent: credentials and candidates, as they travel in a route signal.
// docs/protocol.md, "Routes".
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>

#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::transport {

// IPv4 or IPv6; the bytes in network order, an IPv4 address in the first four.
struct IpAddress {
    bool v6 = false;
    std::array<std::byte, 16> bytes{};

    Bytes used() const { return Bytes(bytes).first(v6 ? 16 : 4); }
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// RFC 8445 §5.1.1: whose address it is. Values as they travel.
enum class CandidateType : std::uint8_t { host = 1, server_reflexive = 2, relayed = 3 };

// Neither foundation nor related address travel (RFC 8839 §5.1): both would tell of the address behind a relayed one.
struct IceCandidate {
    CandidateType type = CandidateType::relayed;
    std::uint32_t priority = 0;  // RFC 8445 §5.1.2: 1 to 2^31 - 1
    IpAddress address;
    std::uint16_t port = 0;

    friend bool operator==(const IceCandidate&, const IceCandidate&) = default;
};

inline constexpr std::size_t max_ice_candidates = 14;  // as many as 200 bytes hold of IPv4
inline constexpr std::size_t max_ice_description = 200;

// RFC 8445 §5.3: a fragment of 48 bits, a password of 144, both of its alphabet (ALPHA, DIGIT, "+", "/").
using IceFragment = std::array<char, 8>;
using IcePassword = std::array<char, 24>;

// All that its sender knows so far: a later one of the same generation holds more candidates, one of a higher
// generation begins anew (RFC 8445 §9, ICE restart).
struct IceDescription {
    std::uint16_t generation = 0;
    IceFragment fragment{};
    IcePassword password{};
    std::array<IceCandidate, max_ice_candidates> room{};
    std::size_t count = 0;

    std::span<const IceCandidate> candidates() const { return std::span(room).first(count); }
    friend bool operator==(const IceDescription&, const IceDescription&) = default;
};

// Gives the size, at most max_ice_description. Errors: invalid_argument (what parse_ice_description() would refuse),
// too_large (for `out`, or for a route).
Result<std::size_t> write_ice_description(const IceDescription& description, MutableBytes out);

// Errors: truncated, unsupported_version, malformed (an unknown type or family, a port or a priority out of range, an
// address that is nobody's, a letter that RFC 8445 doesn't allow, bytes left over), too_large (too many candidates).
Result<IceDescription> parse_ice_description(Bytes route);

}  // namespace sotto::transport
