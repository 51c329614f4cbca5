// RFC 8656 §11.1: what a client gives its relay to send on to a peer. It needs no answer and carries no credentials:
// the relay knows the allocation by where it comes from, and drops what goes to a peer without a permission.
#pragma once

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "transport/ice_description.h"

namespace sotto::transport {

using StunTransaction = std::array<std::byte, 12>;  // RFC 8489 §5: random

inline constexpr std::size_t send_indication_overhead = 20 + 24 + 4 + 3;  // headers, an IPv6 peer, padding

// Gives the size. Error: too_large (for `out`, or for a STUN message).
Result<std::size_t> write_send_indication(const IpAddress& peer, std::uint16_t port, Bytes datagram,
                                          const StunTransaction& transaction, MutableBytes out);

}  // namespace sotto::transport
