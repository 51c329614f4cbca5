// The sending half; ratchet_open.cpp is the other.
#include "crypto/ratchet.h"

#include <algorithm>

#include "crypto/associated.h"
#include "crypto/primitives.h"
#include "crypto/root_chain.h"

namespace sotto::crypto {
namespace {

RootKey root_of(const SharedKey& shared) {
    RootKey root;
    std::ranges::copy(shared.reveal(), root.fill().begin());
    return root;
}

bool steps_now(const Ratchet& state, Step step) {
    if (!state.answered()) return false;
    return step == Step::fresh || !state.sending || state.sending->chain.next >= Ratchet::chain_limit;
}

// The sending half of DHRatchetHE, §4.4, with fresh keys of both kinds.
Result<void> take_step(Ratchet& state, Random& random) {
    const DueStep& theirs = std::get<DueStep>(state.turn);
    AwaitedStep own{.ratchet = generate_x25519(random), .kem = {}};
    KemKeyPair kem = generate_kem(random);
    own.kem = std::move(kem.secret);
    const auto encapsulated = encapsulate(theirs.kem, random);
    if (!encapsulated) return Failure(encapsulated.error());
    const auto dh = agree(own.ratchet.secret, theirs.ratchet);
    if (!dh) return Failure(dh.error());
    RootStep step = root_step(state.root, *dh, &*encapsulated, own.ratchet.shared, theirs.ratchet);

    state.root = std::move(step.root);
    state.sending = Sending{
        .chain = {.header = std::move(state.next_sending), .chain = std::move(step.chain)},
        .key = own.ratchet.shared,
        .previous = state.sent(),
        .beginning = ChainBeginning{.initial = {}, .ciphertext = encapsulated->ciphertext, .kem_key = kem.shared}};
    state.next_sending = std::move(step.next_header);
    state.turn = std::move(own);
    return {};
}

MessageType type_of(const Sending& sending) {
    if (!sending.beginning) return MessageType::answered;
    return sending.beginning->initial ? MessageType::initial : MessageType::unanswered;
}

RatchetHeader header_of(const Sending& sending) {
    RatchetHeader header{.key = sending.key,
                         .previous = sending.previous,
                         .number = sending.chain.next,
                         .ciphertext = {},
                         .kem_key = {}};
    if (sending.beginning) {
        header.kem_key = sending.beginning->kem_key.bytes;
        if (sending.beginning->ciphertext) header.ciphertext = sending.beginning->ciphertext->bytes;
    }
    return header;
}

}  // namespace

std::size_t Ratchet::skipped_held() const {
    std::size_t held = receiving ? receiving->skipped.size() : 0;
    for (const PastChain& chain : past) held += chain.skipped.size();
    return held;
}

Result<Ratchet> begin_initiator(const AssociatedData& associated, SharedKeys&& shared,
                                const X25519Public& signed_prekey, const InitialHeader& initial, Random& random) {
    AwaitedStep own{.ratchet = generate_x25519(random), .kem = {}};
    KemKeyPair kem = generate_kem(random);
    own.kem = std::move(kem.secret);
    const auto dh = agree(own.ratchet.secret, signed_prekey);
    if (!dh) return Failure(dh.error());
    RootStep step = root_step(root_of(shared.root), *dh, nullptr, own.ratchet.shared, signed_prekey);

    Ratchet state;
    state.associated = associated;
    state.root = std::move(step.root);
    state.next_sending = std::move(step.next_header);
    state.next_receiving = std::move(shared.responder_next);
    state.sending = Sending{.chain = {.header = std::move(shared.initiator), .chain = std::move(step.chain)},
                            .key = own.ratchet.shared,
                            .previous = 0,
                            .beginning = ChainBeginning{.initial = initial, .ciphertext = {}, .kem_key = kem.shared}};
    state.turn = std::move(own);
    return state;
}

Ratchet begin_responder(const AssociatedData& associated, SharedKeys&& shared, const X25519KeyPair& signed_prekey) {
    Ratchet state;
    state.associated = associated;
    state.root = root_of(shared.root);
    state.next_sending = std::move(shared.responder_next);
    state.next_receiving = std::move(shared.initiator);
    state.turn = AwaitedStep{.ratchet = {signed_prekey.secret.duplicate(), signed_prekey.shared}, .kem = {}};
    return state;
}

Result<Sealed> seal(Ratchet& state, Bytes plaintext, Step step, Random& random) {
    if (plaintext.size() > Session::max_plaintext) return Failure(Error::too_large);
    if (steps_now(state, step)) {
        const auto stepped = take_step(state, random);
        if (!stepped) return Failure(stepped.error());
    }
    if (!state.sending) return Failure(Error::unknown_session);
    Sending& sending = *state.sending;
    const RatchetHeader header = header_of(sending);
    auto keys = sending.chain.step();
    if (!keys) return Failure(keys.error());
    state.sealed = true;

    const MessageType type = type_of(sending);
    const std::size_t front = front_size(type);
    Sealed sealed{.message = Buffer(front + plaintext.size() + aead_overhead),
                  .exported = std::move(keys->exported),
                  .stepped = header.number == 0};
    const MutableBytes message = sealed.message;
    const InitialHeader* const initial =
        sending.beginning && sending.beginning->initial ? &*sending.beginning->initial : nullptr;
    const Bytes outside = write_outside(type, initial, message);
    Associated associated(state.associated);
    std::array<std::byte, longest_ratchet_header> plain;
    seal_header(sending.chain.header, write_header(header, plain), associated.add(outside), random,
                message.first(front).subspan(outside.size()));
    seal_once(std::move(keys->key), plaintext, associated.add(Bytes(message).first(front).subspan(outside.size())),
              message.subspan(front));
    return sealed;
}

}  // namespace sotto::crypto
