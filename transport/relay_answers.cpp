#include "transport/relay_answers.h"

#include <algorithm>
#include <array>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

// RFC 8489 §5 and §18, RFC 8656 §17 and §18.
constexpr std::uint16_t allocate_success = 0x0103;
constexpr std::uint16_t allocate_error = 0x0113;
constexpr std::uint16_t refresh_error = 0x0114;
constexpr std::uint16_t create_permission_error = 0x0118;
constexpr std::uint16_t channel_bind_error = 0x0119;
constexpr std::uint32_t magic_cookie = 0x2112a442;
constexpr std::uint16_t realm_attribute = 0x0014;
constexpr std::uint16_t nonce_attribute = 0x0015;
constexpr std::uint16_t xor_relayed_address = 0x0016;
constexpr std::size_t longest = 763;

bool is_error(std::uint16_t type) {
    return type == allocate_error || type == refresh_error || type == create_permission_error ||
           type == channel_bind_error;
}

struct Message {
    std::uint16_t type = 0;
    std::array<std::byte, 12> transaction{};
    Bytes body;
};

std::optional<Message> begin_of(Bytes received) {
    ByteReader reader(received);
    const auto type = reader.u16();
    const auto size = reader.u16();
    const auto cookie = reader.u32();
    const auto transaction = reader.array<12>();
    if (!transaction || *cookie != magic_cookie) return {};
    const auto body = reader.take(*size);
    if (!body) return {};
    return Message{.type = *type, .transaction = *transaction, .body = *body};
}

// The last of that kind; empty: there is none, or the message is malformed.
Bytes attribute(Bytes body, std::uint16_t kind) {
    Bytes found;
    for (ByteReader reader(body); !reader.empty();) {
        const auto type = reader.u16();
        const auto length = reader.u16();
        if (!type || !length) return {};
        const auto value = reader.take(*length);
        if (!value || !reader.take((4U - *length % 4U) % 4U)) return {};  // RFC 8489 §14: padded
        if (*type == kind) found = *value;
    }
    return found;
}

std::string text(Bytes value) { return {reinterpret_cast<const char*>(value.data()), value.size()}; }

// RFC 8489 §14.2: covered by the cookie and, for IPv6, the transaction too.
std::optional<RelayedAddress> uncovered(Bytes value, const Message& message) {
    ByteReader reader(value);
    const auto family = reader.u16();
    const auto port = reader.u16();
    if (!port || (*family != 1 && *family != 2)) return {};
    RelayedAddress relayed;
    relayed.address.v6 = *family == 2;
    relayed.port = static_cast<std::uint16_t>(*port ^ (magic_cookie >> 16));
    if (reader.remaining() != relayed.address.used().size()) return {};
    std::array<std::byte, 16> mask{};
    ByteWriter(mask).u32(magic_cookie).bytes(message.transaction);
    std::ranges::transform(reader.rest(), mask, relayed.address.bytes.begin(),
                           [](std::byte a, std::byte b) { return a ^ b; });
    return relayed;
}

}  // namespace

void RelayAnswers::take(Bytes received) {
    const auto message = begin_of(received);
    if (!message) return;
    if (message->type == allocate_success) {
        const auto relayed = uncovered(attribute(message->body, xor_relayed_address), *message);
        if (relayed) relayed_ = relayed;
    } else if (is_error(message->type)) {
        // The same request may have been sent twice, and answered twice.
        if (message->type == allocate_error) {
            refused_again_ |= refused_ && refused_ != message->transaction;
            if (!refused_) refused_ = message->transaction;
        }
        const Bytes realm = attribute(message->body, realm_attribute);
        const Bytes nonce = attribute(message->body, nonce_attribute);
        const auto fits = [](Bytes value) { return !value.empty() && value.size() <= longest; };
        if (fits(realm) && fits(nonce)) challenge_ = RelayChallenge{.realm = text(realm), .nonce = text(nonce)};
    }
}

}  // namespace sotto::transport
