#include "crypto/chain.h"

#include <algorithm>

#include "crypto/primitives.h"

namespace sotto::crypto {

MessageKeys step_chain(ChainKey& chain) {
    constexpr std::array message_constant{std::byte{0x01}};
    constexpr std::array chain_constant{std::byte{0x02}};
    Secret<struct ChainOutputRole, 64> output;
    hmac_sha512(chain.reveal(), message_constant, output.fill());
    MessageKeys keys;
    std::ranges::copy(output.reveal().first<32>(), keys.key.fill().begin());
    std::ranges::copy(output.reveal().last<32>(), keys.exported.fill().begin());
    hmac_sha512(chain.reveal(), chain_constant, output.fill());
    std::ranges::copy(output.reveal().first<32>(), chain.fill().begin());
    return keys;
}

Result<MessageKeys> SendingChain::step() {
    if (next == last_message) return Failure(Error::key_exhausted);
    ++next;
    return step_chain(chain);
}

void ReceivingChain::skip_to(std::uint32_t end, std::vector<SkippedKey>& skipped) {
    while (next < end) {
        const std::uint32_t number = next++;
        skipped.push_back({.ratchet_key = ratchet_key, .number = number, .keys = step_chain(chain)});
    }
}

ReceivingChain::Advanced ReceivingChain::advanced_past(std::uint32_t number) const {
    Advanced advanced{.chain = duplicate(), .keys = {}, .skipped = {}};
    advanced.chain.skip_to(number, advanced.skipped);
    advanced.keys = step_chain(advanced.chain.chain);
    ++advanced.chain.next;
    return advanced;
}

}  // namespace sotto::crypto
