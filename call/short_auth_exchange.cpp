#include "call/short_auth_exchange.h"

namespace sotto::call {
namespace {

template <class Nonce>
SasBytes on_the_wire(const Nonce& nonce) {
    SasBytes bytes;
    std::ranges::copy(nonce.reveal(), bytes.begin());
    return bytes;
}

}  // namespace

ShortAuthExchange::ShortAuthExchange(const crypto::CallBinding& binding, crypto::Role ours, Random& random)
    : binding_(binding), role_(ours) {
    if (role_ == crypto::Role::caller) {
        random.fill(caller_nonce_.fill());
        commitment_ = crypto::commit(caller_nonce_, binding_.call);
    } else {
        random.fill(callee_nonce_.fill());
    }
}

Offer ShortAuthExchange::offer(const StreamOffer& streams) const { return {streams, commitment_}; }
Answer ShortAuthExchange::answer(const StreamOffer& streams) const { return {streams, on_the_wire(callee_nonce_)}; }
Reveal ShortAuthExchange::reveal() const { return {on_the_wire(caller_nonce_)}; }

const ShortAuth& ShortAuthExchange::conclude() {
    symbols_ = crypto::short_auth(std::move(*key_), caller_nonce_, callee_nonce_, binding_);
    key_.reset();
    return *symbols_;
}

Result<void> ShortAuthExchange::receive(const Reveal& reveal) {
    if (role_ == crypto::Role::caller) return Failure(Error::wrong_state);
    if (symbols_) return Failure(Error::replayed);
    if (!key_) return Failure(Error::wrong_state);
    auto nonce = filled<crypto::CallerNonce>(reveal.nonce);
    const auto kept = crypto::check_commitment(commitment_, nonce, binding_.call);
    if (!kept) return kept;
    caller_nonce_ = std::move(nonce);
    conclude();
    return {};
}

}  // namespace sotto::call
