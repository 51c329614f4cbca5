// Every secret and public key of the protocol under its own type, so that a wrong argument does not compile.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "sotto/secret.h"

namespace sotto::crypto {

// X25519 (RFC 7748). Ours and theirs are different types.
using X25519Private = Secret<struct X25519PrivateRole, 32>;
struct X25519Public {
    std::array<std::byte, 32> bytes{};
    friend auto operator<=>(const X25519Public&, const X25519Public&) = default;
};
struct X25519KeyPair {
    X25519Private secret;
    X25519Public shared;
};

// ML-KEM-768 (FIPS 203): decapsulation key, encapsulation key, ciphertext.
using KemPrivate = Secret<struct KemPrivateRole, 2400>;
using KemSeed = Secret<struct KemSeedRole, 64>;  // d || z of FIPS 203 §7.1: the key pair, made again at each use
struct KemPublic {
    std::array<std::byte, 1184> bytes{};
};
struct KemKeyPair {
    KemPrivate secret;
    KemPublic shared;
};
struct KemCiphertext {
    std::array<std::byte, 1088> bytes{};
};

using DhSecret = Secret<struct DhSecretRole, 32>;      // output of X25519
using KemSecret = Secret<struct KemSecretRole, 32>;    // output of ML-KEM-768
using SharedKey = Secret<struct SharedKeyRole, 32>;    // SK of PQXDH §3.3
using RootKey = Secret<struct RootKeyRole, 32>;        // RK of Double Ratchet §2.2
using ChainKey = Secret<struct ChainKeyRole, 32>;      // CK of Double Ratchet §2.2
using MessageKey = Secret<struct MessageKeyRole, 32>;  // MK: seals exactly one message, so it is consumed by value
using HeaderKey = Secret<struct HeaderKeyRole, 32>;    // HK of Double Ratchet §4.2: seals the headers of one chain

// A second secret that both ends of one ratchet message share and nobody else can learn; keys calls.
using ExportSecret = Secret<struct ExportSecretRole, 32>;
using GenerationSecret = Secret<struct GenerationSecretRole, 64>;  // G(g)
using CallSecret = GenerationSecret;                               // G(0)
using RekeySalt = Secret<struct RekeySaltRole, 64>;                // S
using EpochSecret = Secret<struct EpochSecretRole, 64>;

// A detached Ed25519 signature (RFC 8032).
using Signature = std::array<std::byte, 64>;

using PrekeyId = std::uint32_t;  // 0 is never used for a key: on the wire it means "none"

}  // namespace sotto::crypto
