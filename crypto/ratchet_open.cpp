// The receiving half of the ratchet. Everything but a message's own key waits until the message has authenticated.
#include <algorithm>

#include "crypto/associated.h"
#include "crypto/primitives.h"
#include "crypto/ratchet.h"
#include "crypto/root_chain.h"

namespace sotto::crypto {
namespace {

// A message whose header has opened.
struct Reading {
    const RatchetHeader& header;
    MessageType type;
    Bytes sealed;
    Bytes associated;
};

Result<Opened> decrypt(const Reading& message, MessageKeys&& keys) {
    Opened opened{.plaintext = Buffer(message.sealed.size() - aead_overhead), .exported = std::move(keys.exported)};
    const auto done = open_once(std::move(keys.key), message.sealed, message.associated, opened.plaintext);
    if (!done) return Failure(done.error());
    return opened;
}

// The oldest skipped keys go first, and with a chain that is too long ago what it left.
void bound_kept(Ratchet& state) {
    while (state.past.size() > Ratchet::max_past) {
        state.given_up += state.past.front().skipped.size();
        state.past.erase(state.past.begin());
    }
    const std::size_t limit = state.sealed ? Session::max_skipped : Session::max_skipped_unanswered;
    const std::size_t held = state.skipped_held();
    std::size_t over = held > limit ? held - limit : 0;
    state.given_up += over;
    const auto drop_from = [&](SkippedKeys& skipped) {
        const std::size_t count = std::min(over, skipped.size());
        skipped.erase(skipped.begin(), skipped.begin() + static_cast<std::ptrdiff_t>(count));
        over -= count;
    };
    for (PastChain& chain : state.past) drop_from(chain.skipped);
    if (state.receiving) drop_from(state.receiving->skipped);
}

// TrySkippedMessageKeysHE, §4.4. A kept key is spent only by the message that authenticates under it.
Result<Opened> open_kept(SkippedKeys& skipped, const Reading& message) {
    const auto found = find(skipped, message.header.number);
    if (found == skipped.end()) return Failure(Error::replayed);
    auto opened = decrypt(message, found->keys.duplicate());
    if (opened) skipped.erase(found);
    return opened;
}

Result<Opened> open_present(Ratchet& state, const Reading& message) {
    ReceivingChain& chain = *state.receiving;
    const std::uint32_t number = message.header.number;
    if (number < chain.next) return open_kept(chain.skipped, message);
    if (number - chain.next > Session::max_skip) return Failure(Error::too_many_skipped);
    auto opened = decrypt(message, chain.keys_at(number));
    if (!opened) return opened;
    chain.step_past(number);
    bound_kept(state);
    return opened;
}

// The peer's step, from its header: DHRatchetHE's receiving half, §4.4.
Result<RootStep> their_step(const Ratchet& state, const AwaitedStep& own, const Reading& message) {
    const RatchetHeader& header = message.header;
    const MessageType due = own.kem ? MessageType::unanswered : MessageType::initial;
    if (message.type != due) return Failure(Error::malformed);
    KemPublic kem_key;
    std::ranges::copy(header.kem_key, kem_key.bytes.begin());
    if (!is_valid(kem_key)) return Failure(Error::bad_key);  // our next step encapsulates to it
    const auto dh = agree(own.ratchet.secret, header.key);
    if (!dh) return Failure(dh.error());
    if (!own.kem) return root_step(state.root, *dh, nullptr, header.key, own.ratchet.shared);
    Encapsulated kem;
    std::ranges::copy(header.ciphertext, kem.ciphertext.bytes.begin());
    auto secret = decapsulate(*own.kem, kem.ciphertext);
    if (!secret) return Failure(secret.error());
    kem.secret = std::move(*secret);
    return root_step(state.root, *dh, &kem, header.key, own.ratchet.shared);
}

// Their step ends their chain before it, answers ours, and wipes the private halves that it was taken with.
void commit(Ratchet& state, RootStep&& step, ReceivingChain&& chain, const RatchetHeader& header) {
    if (state.receiving) {
        state.receiving->skip_to(header.previous);
        state.past.push_back(
            {.header = std::move(state.receiving->header), .skipped = std::move(state.receiving->skipped)});
    }
    state.receiving = std::move(chain);
    state.root = std::move(step.root);
    state.next_receiving = std::move(step.next_header);
    DueStep& theirs = state.turn.emplace<DueStep>();
    theirs.ratchet = header.key;
    std::ranges::copy(header.kem_key, theirs.kem.bytes.begin());
    if (state.sending) state.sending->beginning.reset();
    bound_kept(state);
}

Result<Opened> open_next(Ratchet& state, const AwaitedStep& own, const Reading& message) {
    const auto& [key, previous_end, number, ciphertext, kem_key] = message.header;
    if (number > Session::max_skip_new_chain) return Failure(Error::too_many_skipped);
    const std::uint32_t previous_next = state.receiving ? state.receiving->next : 0;
    if (previous_end > previous_next && previous_end - previous_next > Session::max_skip) {
        return Failure(Error::too_many_skipped);
    }
    auto step = their_step(state, own, message);
    if (!step) return Failure(step.error());
    ReceivingChain chain{
        .header = state.next_receiving.duplicate(), .chain = std::move(step->chain), .next = 0, .skipped = {}};
    auto opened = decrypt(message, chain.keys_at(number));
    if (!opened) return opened;
    chain.step_past(number);
    commit(state, std::move(*step), std::move(chain), message.header);
    return opened;
}

}  // namespace

// The chain of a message is found by the header key that opens its header: the present chain's, the next one's if a
// step of the peer's may come, those of past ones.
Result<Opened> open(Ratchet& state, const ParsedMessage& message) {
    Associated bytes(state.associated);
    const std::size_t before = message.front.size() - message.header.size();
    const Bytes header_associated = bytes.add(message.front.first(before));
    const Bytes associated = bytes.add(message.header);
    std::array<std::byte, longest_ratchet_header> room;
    const MutableBytes plain = MutableBytes(room).first(message.header.size() - header_overhead);
    const auto under = [&](const HeaderKey& key) {
        return open_header(key, message.header, header_associated, plain).has_value();
    };
    const auto read = [&](const auto& open_by) -> Result<Opened> {
        const auto header = parse_header(message.type, plain);
        if (!header) return Failure(header.error());
        return open_by(
            Reading{.header = *header, .type = message.type, .sealed = message.sealed, .associated = associated});
    };

    if (state.receiving && under(state.receiving->header)) {
        return read([&](const Reading& reading) { return open_present(state, reading); });
    }
    const auto* own = std::get_if<AwaitedStep>(&state.turn);
    if (own != nullptr && under(state.next_receiving)) {
        return read([&](const Reading& reading) { return open_next(state, *own, reading); });
    }
    for (auto chain = state.past.rbegin(); chain != state.past.rend(); ++chain) {
        if (!under(chain->header)) continue;
        return read([&](const Reading& reading) { return open_kept(chain->skipped, reading); });
    }
    return Failure(Error::unknown_session);
}

}  // namespace sotto::crypto
