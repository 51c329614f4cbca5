#include "transport/net/early_words.h"

#include <netinet/in.h>
#include <stun/usages/ice.h>

#include <array>
#include <cstring>
#include <string>

namespace sotto::transport::net {
namespace {

constexpr std::uint32_t reflexive_priority = (110U << 24) + 0xffff00 + 255;  // RFC 8445 §7.1.1, §5.1.2.1
constexpr std::uint16_t any_port = 9;  // RFC 8656 §9: a permission is for a host; the port says nothing

StunAgent begin(StunAgentUsageFlags usage) {
    constexpr std::array<std::uint16_t, 1> none{};
    StunAgent stun;
    stun_agent_init(&stun, none.data(), STUN_COMPATIBILITY_RFC5389, usage);
    return stun;
}

auto octets(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }
auto octets(MutableBytes room) { return reinterpret_cast<std::uint8_t*>(room.data()); }

sockaddr_storage address_of(const IpAddress& peer) {
    sockaddr_storage storage{};
    if (peer.v6) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(any_port);
        std::memcpy(&v6.sin6_addr, peer.bytes.data(), 16);
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(any_port);
        std::memcpy(&v4.sin_addr, peer.bytes.data(), 4);
    }
    return storage;
}

bool append(StunMessage& message, StunAttribute what, const std::string& text) {
    return stun_message_append_bytes(&message, what, text.data(), text.size()) == STUN_MESSAGE_RETURN_SUCCESS;
}

}  // namespace

std::size_t write_check(const CheckTerms& terms, MutableBytes out) {
    StunAgent stun = begin(
        static_cast<StunAgentUsageFlags>(STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT));
    const std::string user = std::string(terms.remote_fragment) + ":" + std::string(terms.fragment);
    StunMessage message;
    return stun_usage_ice_conncheck_create(&stun, &message, octets(out), out.size(), octets(user), user.size(),
                                           octets(terms.remote_password), terms.remote_password.size(), false,
                                           terms.controlling, reflexive_priority, terms.tie_breaker, nullptr,
                                           STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

// RFC 8489 §9.2.2: the key is made of user name, realm and password; libnice's STUN finds the first two in the message.
std::size_t write_permission(const RelayServer& relay, const RelayChallenge& challenge, const IpAddress& peer,
                             MutableBytes out) {
    StunAgent stun = begin(STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS);
    StunMessage message;
    const sockaddr_storage address = address_of(peer);
    const socklen_t size = peer.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    const bool written = stun_agent_init_request(&stun, &message, octets(out), out.size(), STUN_CREATEPERMISSION) &&
                         stun_message_append_xor_addr(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &address, size) ==
                             STUN_MESSAGE_RETURN_SUCCESS &&
                         append(message, STUN_ATTRIBUTE_REALM, challenge.realm) &&
                         append(message, STUN_ATTRIBUTE_USERNAME, relay.user) &&
                         append(message, STUN_ATTRIBUTE_NONCE, challenge.nonce);
    if (!written) return 0;
    return stun_agent_finish_message(&stun, &message, octets(std::string_view(relay.password)), relay.password.size());
}

}  // namespace sotto::transport::net
