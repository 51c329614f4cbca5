#include "crypto/chain.h"

#include <algorithm>

#include "crypto/primitives.h"

namespace sotto::crypto {

namespace {

using ChainOutput = Secret<struct ChainOutputRole, 96>;

ChainOutput turn(const ChainKey& chain) {
    ChainOutput output;
    expand_chain(chain, output.fill());
    return output;
}

MessageKeys keys_of(const ChainOutput& output) {
    MessageKeys keys;
    std::ranges::copy(output.reveal().subspan<32, 32>(), keys.key.fill().begin());
    std::ranges::copy(output.reveal().subspan<64, 32>(), keys.exported.fill().begin());
    return keys;
}

void advance_by(const ChainOutput& output, ChainKey& chain) {
    std::ranges::copy(output.reveal().first<32>(), chain.fill().begin());
}

}  // namespace

MessageKeys message_keys(const ChainKey& chain) { return keys_of(turn(chain)); }

void advance(ChainKey& chain) { advance_by(turn(chain), chain); }

MessageKeys step_chain(ChainKey& chain) {
    const ChainOutput output = turn(chain);
    advance_by(output, chain);
    return keys_of(output);
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
