#include "transport/net/ice_candidates.h"

#include <netinet/in.h>
#include <nice/agent.h>

#include <cstring>

namespace sotto::transport::net {
namespace {

std::optional<CandidateType> type_of(const NiceCandidate& candidate) {
    switch (candidate.type) {
        case NICE_CANDIDATE_TYPE_HOST: return CandidateType::host;
        case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE: return CandidateType::server_reflexive;
        case NICE_CANDIDATE_TYPE_RELAYED: return CandidateType::relayed;
        case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE: break;
    }
    return std::nullopt;
}

NiceCandidateType nice_type(CandidateType type) {
    switch (type) {
        case CandidateType::host: return NICE_CANDIDATE_TYPE_HOST;
        case CandidateType::server_reflexive: return NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE;
        case CandidateType::relayed: break;
    }
    return NICE_CANDIDATE_TYPE_RELAYED;
}

}  // namespace

RelayedAddress address_of(const NiceAddress& address) {
    RelayedAddress ours;
    ours.port = static_cast<std::uint16_t>(nice_address_get_port(&address));
    ours.address.v6 = nice_address_ip_version(&address) == 6;
    if (ours.address.v6) {
        std::memcpy(ours.address.bytes.data(), &address.s.ip6.sin6_addr, 16);
    } else {
        std::memcpy(ours.address.bytes.data(), &address.s.ip4.sin_addr, 4);
    }
    return ours;
}

std::optional<IceCandidate> to_ours(const NiceCandidate& candidate) {
    const auto type = type_of(candidate);
    if (!type || candidate.transport != NICE_CANDIDATE_TRANSPORT_UDP) return std::nullopt;
    const RelayedAddress at = address_of(candidate.addr);
    return IceCandidate{.type = *type, .priority = candidate.priority, .address = at.address, .port = at.port};
}

NiceCandidate* to_nice(const IceCandidate& ours, unsigned stream, unsigned component, std::size_t number) {
    NiceCandidate* const candidate = nice_candidate_new(nice_type(ours.type));
    candidate->transport = NICE_CANDIDATE_TRANSPORT_UDP;
    candidate->priority = ours.priority;
    candidate->stream_id = stream;
    candidate->component_id = component;
    const auto* const bytes = reinterpret_cast<const guint8*>(ours.address.bytes.data());
    if (ours.address.v6) {
        nice_address_set_ipv6(&candidate->addr, bytes);
    } else {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes, sizeof(word));
        nice_address_set_ipv4(&candidate->addr, ntohl(word));
    }
    nice_address_set_port(&candidate->addr, ours.port);
    candidate->base_addr = candidate->addr;
    g_snprintf(candidate->foundation, NICE_CANDIDATE_MAX_FOUNDATION, "%u", static_cast<unsigned>(number));
    return candidate;
}

}  // namespace sotto::transport::net
