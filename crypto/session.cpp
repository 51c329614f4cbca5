#include "crypto/session.h"

#include "crypto/header.h"
#include "crypto/pqxdh.h"
#include "crypto/primitives.h"
#include "crypto/ratchet.h"
#include "crypto/session_state.h"

namespace sotto::crypto {

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const PublicIdentity& Session::peer() const { return state_->peer; }
const DeviceKey& Session::peer_device() const { return state_->peer_device; }
bool Session::has_sealed() const { return state_->ratchet.sealed; }
bool Session::can_seal() const { return state_->ratchet.sending || state_->ratchet.answered(); }
bool Session::has_opened() const { return state_->ratchet.receiving.has_value(); }
bool Session::reached() const { return state_->reached; }
std::uint32_t Session::sealed_unanswered() const { return state_->ratchet.answered() ? 0 : state_->ratchet.sent(); }
std::size_t Session::skipped_held() const { return state_->ratchet.skipped_held(); }
std::uint64_t Session::skipped_given_up() const { return state_->ratchet.given_up; }

Result<Session> Session::initiate(const Device& ours, const PrekeyBundle& bundle, Random& random) {
    const auto checked = check(bundle);
    if (!checked) return Failure(checked.error());
    auto agreed = initiate_pqxdh(ours, bundle, random);
    if (!agreed) return Failure(agreed.error());
    const InitialHeader initial{.sender = ours.certificate(),
                                .base_key = agreed->base_key,
                                .signed_prekey = bundle.signed_prekey.id,
                                .kem_prekey = bundle.kem_prekey.id,
                                .one_time = bundle.one_time ? bundle.one_time->id : 0,
                                .ciphertext = agreed->ciphertext};
    auto ratchet =
        begin_initiator(agreed->associated, std::move(agreed->shared), bundle.signed_prekey.key, initial, random);
    if (!ratchet) return Failure(ratchet.error());
    auto state = std::make_unique<State>(random, bundle.owner.identity, bundle.owner.device);
    state->ratchet = std::move(*ratchet);
    return Session(std::move(state));
}

Result<Session::Accepted> Session::accept(const Device& ours, PrekeyStore& prekeys, Bytes message, Random& random) {
    const auto parsed = parse_message(message);
    if (!parsed) return Failure(parsed.error());
    if (!parsed->initial) return Failure(Error::unknown_session);
    const InitialHeader& initial = *parsed->initial;
    const PrekeyIds ids{
        .signed_prekey = initial.signed_prekey, .kem_prekey = initial.kem_prekey, .one_time = initial.one_time};
    const auto keys = prekeys.find(initial.base_key, ids);
    if (!keys) return Failure(keys.error());
    const auto certified = check(initial.sender);
    if (!certified) return Failure(certified.error());
    auto agreed = respond_pqxdh(ours, *keys, initial.sender, initial.base_key, initial.ciphertext);
    if (!agreed) return Failure(agreed.error());

    Ratchet ratchet = begin_responder(agreed->associated, std::move(agreed->shared), keys->signed_prekey);
    auto opened = crypto::open(ratchet, *parsed);
    wipe_dead_stack();
    if (!opened) {
        // Its prekeys say that it is for this session: a header that does not open is not somebody else's.
        return Failure(opened.error() == Error::unknown_session ? Error::forged : opened.error());
    }
    prekeys.spend(initial.base_key, ids);
    auto state = std::make_unique<State>(random, initial.sender.identity, initial.sender.device);
    state->base_key = initial.base_key;
    state->ratchet = std::move(ratchet);
    return Accepted{Session(std::move(state)), std::move(*opened)};
}

Result<Sealed> Session::seal(Bytes plaintext, Step step) {
    auto sealed = crypto::seal(state_->ratchet, plaintext, step, state_->random);
    wipe_dead_stack();
    return sealed;
}

Result<Opened> Session::open(Bytes message) {
    const auto parsed = parse_message(message);
    if (!parsed) return Failure(parsed.error());
    // An initial message is one of ours only if it repeats the header that began this session.
    if (parsed->initial && state_->base_key != parsed->initial->base_key) return Failure(Error::unknown_session);
    if (parsed->initial && parsed->initial->sender.identity != state_->peer) return Failure(Error::wrong_identity);
    if (parsed->initial && parsed->initial->sender.device != state_->peer_device) return Failure(Error::wrong_identity);
    auto opened = crypto::open(state_->ratchet, *parsed);
    wipe_dead_stack();
    if (opened && !parsed->initial) state_->reached = true;
    return opened;
}

Result<MessageKind> peek(Bytes message) {
    const auto parsed = parse_message(message);
    if (!parsed) return Failure(parsed.error());
    MessageKind kind{.initial = parsed->initial.has_value(), .sender = {}};
    if (parsed->initial) kind.sender = parsed->initial->sender;
    return kind;
}

}  // namespace sotto::crypto
