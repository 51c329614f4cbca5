// From the ratchet to SRTP: one secret per generation of keys, one per epoch and direction, one SRTP key per medium.
// docs/protocol.md, "Media keys".
#pragma once

#include <array>

#include "crypto/keys.h"
#include "sotto/error.h"
#include "sotto/identity.h"
#include "sotto/media_epoch.h"
#include "sotto/srtp_key.h"

namespace sotto::crypto {

enum class Role : std::uint8_t { caller = 0, callee = 1 };

// What every media key is bound to, and the symbols.
struct CallBinding {
    CallId call;
    PublicIdentity caller;
    PublicIdentity callee;
};
// As key derivations see it: call id || Encode(caller) || Encode(callee).
using EncodedBinding = std::array<std::byte, 16 + 33 + 33>;
EncodedBinding encode_binding(const CallBinding& binding);

// G(0). Both messages' export secrets go in, so neither side alone decides and both ratchet directions protect the
// call.
CallSecret derive_call_secret(ExportSecret&& offer, ExportSecret&& answer, const CallBinding& binding);
// S, kept for the whole call: every later generation depends on the first, whose symbols people compare. So whoever
// learns the ratchet's state during a call can't take the call over by a rekey.
RekeySalt derive_rekey_salt(const CallSecret& secret);
// G(g) of a later generation, from a rekey and its response.
GenerationSecret derive_generation_secret(const RekeySalt& salt, ExportSecret&& request, ExportSecret&& response,
                                          std::uint16_t generation, const CallBinding& binding);

// What protects one direction in one epoch: a key for each of its streams. Repair has its own, so that no packet of the
// others is protected twice.
template <class Direction>
struct EpochKeys {
    MediaEpoch epoch;
    SrtpKey<Direction> audio, video, repair;
};

// One direction's epochs in one generation. It yields each epoch's keys once and in order: an epoch can't be asked for
// again, so no SRTP nonce can repeat, and what was yielded can't be derived from what is left.
template <class Direction>
class EpochChain {
  public:
    // Error::key_exhausted after 2^16 epochs.
    Result<EpochKeys<Direction>> next();
    std::uint16_t generation() const { return generation_; }

  private:
    friend struct Generation;
    EpochChain(const GenerationSecret& secret, std::uint16_t generation, const CallBinding& binding, Role ours);

    EpochSecret secret_;  // of the epoch to come
    CallBinding binding_;
    Role ours_;
    std::uint16_t generation_;
    std::uint32_t epoch_ = 0;
};

extern template class EpochChain<Sending>;
extern template class EpochChain<Receiving>;

// Both directions of one generation, as seen by one side.
struct Generation {
    EpochChain<Sending> sending;
    EpochChain<Receiving> receiving;

    Generation(GenerationSecret&& secret, std::uint16_t generation, const CallBinding& binding, Role ours);
};

}  // namespace sotto::crypto
