// The short authentication string: four symbols that both sides of a call show, and the commitment that leaves whoever
// stands between one guess at them. docs/protocol.md, "Short authentication string".
#pragma once

#include <array>
#include <span>

#include "crypto/media_keys.h"
#include "sotto/random.h"
#include "sotto/verification.h"

namespace sotto::crypto {

using CallerNonce = Secret<struct CallerNonceRole, 32>;  // a
using CalleeNonce = Secret<struct CalleeNonceRole, 32>;  // b
using SasKey = Secret<struct SasKeyRole, 64>;            // k
using SasCommitment = std::array<std::byte, 32>;

// What the caller says in its offer, before it can know the callee's nonce.
SasCommitment commit(const CallerNonce& nonce, const CallId& call);
// Error::forged if the offer committed to another nonce. Takes the same time wherever they differ.
Result<void> check_commitment(const SasCommitment& commitment, const CallerNonce& nonce, const CallId& call);

// From the call secret, and only from its first generation: new keys in a call change no symbol.
SasKey derive_sas_key(const CallSecret& secret);
// Consumes the key: there is one string a call.
ShortAuth short_auth(SasKey&& key, const CallerNonce& caller, const CalleeNonce& callee, const CallBinding& binding);

// All of them, in the order of their numbers.
std::span<const SasSymbol, 64> sas_symbols();

}  // namespace sotto::crypto
