// A call capability: 32 random bytes that one callee's device draws for one person. docs/protocol.md, "Capabilities".
#pragma once

#include "sotto/capability.h"
#include "sotto/random.h"
#include "sotto/secret.h"

namespace sotto::crypto {

using Capability = Secret<struct CapabilityRole, 32>;
using CapabilityView = std::span<const std::byte, Capability::size>;

Capability draw_capability(Random& random);
Capability copy_capability(CapabilityView view);
// In a time that tells nothing of where they differ.
bool same(const Capability& ours, CapabilityView shown);
// SHA512("Sotto_v1_capability" || capability)[0..31]: 32 random bytes can't be guessed from it.
CapabilityHash hash_of(const Capability& capability);

}  // namespace sotto::crypto
