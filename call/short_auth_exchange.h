// One side's part in a call's short authentication string; docs/protocol.md, "Short authentication string".
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "call/signal.h"
#include "crypto/short_auth.h"

namespace sotto::call {

class ShortAuthExchange {
  public:
    // Draws our nonce.
    ShortAuthExchange(const crypto::CallBinding& binding, crypto::Role ours, Random& random);

    // -- What we say: the caller its commitment in the offer, the callee its nonce in the answer.

    Offer offer(const StreamOffer& streams) const;
    Answer answer(const StreamOffer& streams) const;

    // -- What the peer said.

    void hear(const Offer& offer) { commitment_ = offer.commitment; }
    void hear(const Answer& answer) { callee_nonce_ = filled<crypto::CalleeNonce>(answer.nonce); }

    // Both have accepted: there is a call secret.
    void agree(const crypto::CallSecret& secret) { key_ = crypto::derive_sas_key(secret); }

    // The caller, once it has the answer.
    Reveal reveal() const;
    // The caller, once its reveal is on its way.
    const ShortAuth& conclude();
    // The callee. Errors: wrong_state (we are the caller, or there is no call secret), replayed (a second one), forged
    // (not what the offer committed to).
    Result<void> receive(const Reveal& reveal);

    // What both sides show, once it is known.
    const std::optional<ShortAuth>& symbols() const { return symbols_; }
    // The call has ended: no string will come any more.
    void forget() { key_.reset(); }

  private:
    template <class Nonce>
    static Nonce filled(const SasBytes& bytes) {
        Nonce nonce;
        std::ranges::copy(bytes, nonce.fill().begin());
        return nonce;
    }

    crypto::CallBinding binding_;
    crypto::Role role_;
    crypto::CallerNonce caller_nonce_;
    crypto::CalleeNonce callee_nonce_;
    SasBytes commitment_{};  // the caller's
    std::optional<crypto::SasKey> key_;
    std::optional<ShortAuth> symbols_;
};

}  // namespace sotto::call
