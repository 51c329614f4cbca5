#include "crypto/session.h"

#include <algorithm>
#include <deque>

#include "base/byte_writer.h"
#include "crypto/chain.h"
#include "crypto/header.h"
#include "crypto/pqxdh.h"
#include "crypto/primitives.h"
#include "crypto/root_chain.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t past_keys_kept = 16;

Buffer join(Bytes a, Bytes b) {
    Buffer joined(a.size() + b.size());
    ByteWriter(joined).bytes(a).bytes(b);
    return joined;
}

}  // namespace

// Double Ratchet §3.2's state variables under their names there.
struct Session::State {
    State(Random& source, const DeviceCertificate& theirs, const AssociatedData& bound)
        : random(source), peer(theirs.identity), peer_device(theirs.device), associated(bound) {}

    Random& random;
    PublicIdentity peer;
    DeviceKey peer_device;
    AssociatedData associated;
    X25519KeyPair ours;                       // DHs
    RootKey root;                             // RK
    std::optional<SendingChain> sending;      // CKs, Ns
    std::optional<ReceivingChain> receiving;  // DHr, CKr, Nr
    std::uint32_t previous = 0;               // PN
    bool sealed = false;                      // whether we have sent anything
    std::deque<SkippedKey> skipped;           // MKSKIPPED, oldest first
    std::uint64_t given_up = 0;
    std::deque<X25519Public> past;         // their former ratchet keys: messages under them are replays
    std::optional<InitialHeader> initial;  // ours, sent until the first reply
    std::optional<X25519Public> base_key;  // theirs, at the responder

    Result<Opened> open(const ParsedMessage& message);
    Result<Opened> decrypt(const ParsedMessage& message, MessageKeys&& keys) const;
    Result<std::optional<Opened>> open_skipped(const ParsedMessage& message);
    Result<Opened> open_current(const ParsedMessage& message);
    Result<Opened> open_ratchet(const ParsedMessage& message);
    Result<void> start_sending();
    void keep_skipped(std::vector<SkippedKey>&& keys);
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const PublicIdentity& Session::peer() const { return state_->peer; }
const DeviceKey& Session::peer_device() const { return state_->peer_device; }
bool Session::knows(const X25519Public& ratchet_key) const {
    return (state_->receiving && state_->receiving->ratchet_key == ratchet_key) ||
           std::ranges::find(state_->past, ratchet_key) != state_->past.end() ||
           std::ranges::find(state_->skipped, ratchet_key, &SkippedKey::ratchet_key) != state_->skipped.end();
}
bool Session::has_sealed() const { return state_->sealed; }
std::uint32_t Session::sealed_unanswered() const { return state_->sending ? state_->sending->next : 0; }
std::size_t Session::skipped_held() const { return state_->skipped.size(); }
std::uint64_t Session::skipped_given_up() const { return state_->given_up; }

Result<Session> Session::initiate(const Device& ours, const PrekeyBundle& bundle, Random& random) {
    const auto checked = check(bundle);
    if (!checked) return Failure(checked.error());
    auto agreed = initiate_pqxdh(ours, bundle, random);
    if (!agreed) return Failure(agreed.error());
    auto state = std::make_unique<State>(random, bundle.owner, agreed->associated);
    state->initial = InitialHeader{.sender = ours.certificate(),
                                   .base_key = agreed->base_key,
                                   .signed_prekey = bundle.signed_prekey.id,
                                   .kem_prekey = bundle.kem_prekey.id,
                                   .one_time = bundle.one_time ? bundle.one_time->id : 0,
                                   .ciphertext = agreed->ciphertext};
    // RatchetInitAlice, Double Ratchet §3.3: their signed prekey is their first ratchet key.
    state->ours = generate_x25519(random);
    const auto dh = agree(state->ours.secret, bundle.signed_prekey.key);
    if (!dh) return Failure(dh.error());
    RootKey first;
    std::ranges::copy(agreed->shared.reveal(), first.fill().begin());
    RootStep step = root_step(first, *dh);
    state->root = std::move(step.root);
    state->sending = SendingChain{.chain = std::move(step.chain)};
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

    // RatchetInitBob, Double Ratchet §3.3.
    auto state = std::make_unique<State>(random, initial.sender, agreed->associated);
    state->base_key = initial.base_key;
    state->ours = {keys->signed_prekey.secret.duplicate(), keys->signed_prekey.shared};
    std::ranges::copy(agreed->shared.reveal(), state->root.fill().begin());
    auto opened = state->open(*parsed);
    if (!opened) return Failure(opened.error());
    prekeys.spend(initial.base_key, ids);
    return Accepted{Session(std::move(state)), std::move(*opened)};
}

Result<Sealed> Session::seal(Bytes plaintext) {
    if (plaintext.size() > max_plaintext) return Failure(Error::too_large);
    if (!state_->sending) return Failure(Error::unknown_session);
    const RatchetHeader header{
        .key = state_->ours.shared, .previous = state_->previous, .number = state_->sending->next};
    auto keys = state_->sending->step();
    if (!keys) return Failure(keys.error());
    state_->sealed = true;

    const InitialHeader* const initial = state_->initial ? &*state_->initial : nullptr;
    const std::size_t sealed_size = plaintext.size() + aead_overhead;
    Sealed sealed{.message = write_headers(initial, header, sealed_size), .exported = std::move(keys->exported)};
    const MutableBytes message = sealed.message;
    const Bytes headers = message.first(message.size() - sealed_size);
    seal_once(std::move(keys->key), plaintext, join(state_->associated, headers), message.last(sealed_size));
    return sealed;
}

Result<Opened> Session::open(Bytes message) {
    const auto parsed = parse_message(message);
    if (!parsed) return Failure(parsed.error());
    // An initial message is one of ours only if it repeats the header that began this session.
    if (parsed->initial && state_->base_key != parsed->initial->base_key) return Failure(Error::unknown_session);
    if (parsed->initial && parsed->initial->sender.identity != state_->peer) return Failure(Error::wrong_identity);
    if (parsed->initial && parsed->initial->sender.device != state_->peer_device) return Failure(Error::wrong_identity);
    return state_->open(*parsed);
}

Result<Opened> Session::State::open(const ParsedMessage& message) {
    auto overtaken = open_skipped(message);
    if (!overtaken) return Failure(overtaken.error());
    if (*overtaken) return std::move(**overtaken);
    const bool current = receiving && receiving->ratchet_key == message.ratchet.key;
    auto opened = current ? open_current(message) : open_ratchet(message);
    if (opened) initial.reset();  // they have our first header: they answered
    return opened;
}

Result<Opened> Session::State::decrypt(const ParsedMessage& message, MessageKeys&& keys) const {
    Opened opened{.plaintext = Buffer(message.sealed.size() - aead_overhead), .exported = std::move(keys.exported)};
    const auto done =
        open_once(std::move(keys.key), message.sealed, join(associated, message.header), opened.plaintext);
    if (!done) return Failure(done.error());
    return opened;
}

// TrySkippedMessageKeys, Double Ratchet §3.5. A kept key is spent only by the message that authenticates under it.
Result<std::optional<Opened>> Session::State::open_skipped(const ParsedMessage& message) {
    const auto found = std::ranges::find_if(skipped, [&](const SkippedKey& key) {
        return key.number == message.ratchet.number && key.ratchet_key == message.ratchet.key;
    });
    if (found == skipped.end()) return std::nullopt;
    auto opened = decrypt(message, found->keys.duplicate());
    if (!opened) return Failure(opened.error());
    skipped.erase(found);
    return std::move(*opened);
}

Result<Opened> Session::State::open_current(const ParsedMessage& message) {
    const std::uint32_t number = message.ratchet.number;
    if (number < receiving->next) return Failure(Error::replayed);
    if (number - receiving->next > max_skip) return Failure(Error::too_many_skipped);
    auto opened = decrypt(message, receiving->keys_at(number));
    if (!opened) return opened;
    std::vector<SkippedKey> passed;
    receiving->step_past(number, passed);
    keep_skipped(std::move(passed));
    return opened;
}

// SkipMessageKeys and DHRatchet, Double Ratchet §3.5. Anybody can name a ratchet key, so what a forger can make us
// derive is little: everything but this message's own key waits until it has authenticated.
Result<Opened> Session::State::open_ratchet(const ParsedMessage& message) {
    const auto& [key, previous_end, number] = message.ratchet;
    if (std::ranges::find(past, key) != past.end()) return Failure(Error::replayed);
    if (number > max_skip_new_chain) return Failure(Error::too_many_skipped);
    const std::uint32_t previous_next = receiving ? receiving->next : 0;
    if (previous_end > previous_next && previous_end - previous_next > max_skip) {
        return Failure(Error::too_many_skipped);
    }
    const auto dh = agree(ours.secret, key);
    if (!dh) return Failure(dh.error());
    RootStep step = root_step(root, *dh);
    ReceivingChain chain{.ratchet_key = key, .chain = std::move(step.chain)};
    auto opened = decrypt(message, chain.keys_at(number));
    if (!opened) return opened;

    std::vector<SkippedKey> passed;
    if (receiving) {
        receiving->skip_to(previous_end, passed);
        past.push_back(receiving->ratchet_key);
        if (past.size() > past_keys_kept) past.pop_front();
    }
    chain.step_past(number, passed);
    receiving = std::move(chain);
    root = std::move(step.root);
    keep_skipped(std::move(passed));
    const auto started = start_sending();
    if (!started) return Failure(started.error());
    return opened;
}

// The sending half of DHRatchet, Double Ratchet §3.5.
Result<void> Session::State::start_sending() {
    previous = sending ? sending->next : 0;
    ours = generate_x25519(random);
    const auto dh = agree(ours.secret, receiving->ratchet_key);
    if (!dh) return Failure(dh.error());
    RootStep step = root_step(root, *dh);
    root = std::move(step.root);
    sending = SendingChain{.chain = std::move(step.chain)};
    return {};
}

void Session::State::keep_skipped(std::vector<SkippedKey>&& keys) {
    std::ranges::move(keys, std::back_inserter(skipped));
    while (skipped.size() > (sealed ? max_skipped : max_skipped_unanswered)) {
        skipped.pop_front();
        ++given_up;
    }
}

Result<MessageKind> peek(Bytes message) {
    const auto parsed = parse_message(message);
    if (!parsed) return Failure(parsed.error());
    MessageKind kind{.initial = parsed->initial.has_value(), .sender = {}, .ratchet_key = parsed->ratchet.key};
    if (parsed->initial) kind.sender = parsed->initial->sender;
    return kind;
}

}  // namespace sotto::crypto
