// Candidates of ours as libnice's, and back.
#pragma once

#include <optional>

#include "transport/ice_description.h"
#include "transport/relay_answers.h"

struct _NiceAddress;
struct _NiceCandidate;

namespace sotto::transport::net {

RelayedAddress address_of(const _NiceAddress& address);
inline RelayedAddress address_of(const IceCandidate& candidate) {
    return {.address = candidate.address, .port = candidate.port};
}
// Nothing for one that is not of UDP, or that both sides learn and neither tells (RFC 8445 §7.3.1.3).
std::optional<IceCandidate> to_ours(const _NiceCandidate& candidate);
// `number` becomes the foundation: each its own, so that no check waits for another (RFC 8445 §6.1.2.6).
_NiceCandidate* to_nice(const IceCandidate& ours, unsigned stream, unsigned component, std::size_t number);

}  // namespace sotto::transport::net
