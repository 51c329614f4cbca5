#include "crypto/chain.h"

#include <algorithm>

#include "crypto/primitives.h"

namespace sotto::crypto {

MessageKeys message_keys(const ChainKey& chain) {
    constexpr std::array message_constant{std::byte{0x01}};
    Secret<struct ChainOutputRole, 64> output;
    hmac_sha512(chain.reveal(), message_constant, output.fill());
    MessageKeys keys;
    std::ranges::copy(output.reveal().first<32>(), keys.key.fill().begin());
    std::ranges::copy(output.reveal().last<32>(), keys.exported.fill().begin());
    return keys;
}

void advance(ChainKey& chain) {
    constexpr std::array chain_constant{std::byte{0x02}};
    Secret<struct ChainOutputRole, 64> output;
    hmac_sha512(chain.reveal(), chain_constant, output.fill());
    std::ranges::copy(output.reveal().first<32>(), chain.fill().begin());
}

MessageKeys step_chain(ChainKey& chain) {
    MessageKeys keys = message_keys(chain);
    advance(chain);
    return keys;
}

Result<MessageKeys> SendingChain::step() {
    if (next == last_message) return Failure(Error::key_exhausted);
    ++next;
    return step_chain(chain);
}

SkippedKeys::iterator find(SkippedKeys& skipped, std::uint32_t number) {
    const auto place = std::ranges::lower_bound(skipped, number, {}, &SkippedKey::number);
    return place != skipped.end() && place->number == number ? place : skipped.end();
}

void ReceivingChain::skip_to(std::uint32_t end) {
    while (next < end) {
        const std::uint32_t number = next++;
        skipped.push_back({.number = number, .keys = step_chain(chain)});
    }
}

void ReceivingChain::step_past(std::uint32_t number) {
    skip_to(number);
    advance(chain);
    ++next;
}

MessageKeys ReceivingChain::keys_at(std::uint32_t number) const {
    ChainKey ahead = chain.duplicate();
    for (std::uint32_t i = next; i < number; ++i) advance(ahead);
    return message_keys(ahead);
}

}  // namespace sotto::crypto
