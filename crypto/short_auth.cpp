#include "crypto/short_auth.h"

#include <sodium.h>

#include <algorithm>

#include "base/byte_writer.h"
#include "crypto/labels.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

// Single code points that are drawn as pictures by default, of Unicode 11 or older. No two look alike from afar, and no
// two words begin with the same three letters.
constexpr std::array<SasSymbol, 64> symbols{{
    // animals
    {"🐘", "elephant"},
    {"🐢", "turtle"},
    {"🐙", "octopus"},
    {"🐧", "penguin"},
    {"🦋", "butterfly"},
    {"🦀", "crab"},
    {"🐍", "snake"},
    {"🦒", "giraffe"},
    {"🐪", "camel"},
    {"🦊", "fox"},
    {"🦔", "hedgehog"},
    {"🦉", "owl"},
    {"🐬", "dolphin"},
    {"🦁", "lion"},
    {"🐰", "rabbit"},
    {"🦆", "duck"},
    // plants and food
    {"🍎", "apple"},
    {"🍌", "banana"},
    {"🍬", "candy"},
    {"🥑", "avocado"},
    {"🍋", "lemon"},
    {"🥕", "carrot"},
    {"🍄", "mushroom"},
    {"🌵", "cactus"},
    {"🌹", "rose"},
    {"🌴", "palm"},
    {"🍕", "pizza"},
    {"🥚", "egg"},
    {"🧀", "cheese"},
    {"🥨", "pretzel"},
    {"🍩", "donut"},
    {"🍯", "honey"},
    // earth and sky
    {"🌈", "rainbow"},
    {"🔥", "fire"},
    {"⭐", "star"},
    {"🌋", "volcano"},
    {"⛄", "snowman"},
    {"🌍", "globe"},
    {"⚡", "lightning"},
    {"☔", "umbrella"},
    // on the way
    {"🚀", "rocket"},
    {"🚲", "bicycle"},
    {"🚕", "taxi"},
    {"🚁", "helicopter"},
    {"⛵", "sailboat"},
    {"🚜", "tractor"},
    {"⚓", "anchor"},
    {"🎈", "balloon"},
    // things
    {"🎸", "guitar"},
    {"🎺", "trumpet"},
    {"🥁", "drum"},
    {"🔔", "bell"},
    {"🔑", "key"},
    {"🔨", "hammer"},
    {"⏰", "clock"},
    {"🎲", "dice"},
    {"🧲", "magnet"},
    {"🔭", "telescope"},
    {"💎", "jewel"},
    {"👑", "crown"},
    {"🎩", "hat"},
    {"👓", "glasses"},
    {"🎯", "target"},
    {"📖", "book"},
}};

}  // namespace

std::span<const SasSymbol, 64> sas_symbols() { return symbols; }

SasCommitment commit(const CallerNonce& nonce, const CallId& call) {
    const auto hash = sha512({as_bytes(labels::sas_commitment), call.bytes, nonce.reveal()});
    SasCommitment commitment;
    std::copy_n(hash.begin(), commitment.size(), commitment.begin());
    return commitment;
}

Result<void> check_commitment(const SasCommitment& commitment, const CallerNonce& nonce, const CallId& call) {
    const SasCommitment expected = commit(nonce, call);
    if (sodium_memcmp(expected.data(), commitment.data(), expected.size()) != 0) return Failure(Error::forged);
    return {};
}

SasKey derive_sas_key(const CallSecret& secret) {
    SasKey key;
    hkdf_expand(secret.reveal(), as_bytes(labels::sas), key.fill());
    return key;
}

// sas = Expand(Extract(a || b, k), label || call id || Encode(caller) || Encode(callee), 3)
ShortAuth short_auth(SasKey&& key, const CallerNonce& caller, const CalleeNonce& callee, const CallBinding& binding) {
    const SasKey consumed = std::move(key);
    Secret<struct SasSaltRole, CallerNonce::size + CalleeNonce::size> salt;
    ByteWriter(salt.fill()).bytes(caller.reveal()).bytes(callee.reveal());
    const Prk prk = hkdf_extract(salt.reveal(), {consumed.reveal()});
    std::array<std::byte, labels::sas.size() + sizeof(EncodedBinding)> info;
    ByteWriter(info).bytes(as_bytes(labels::sas)).bytes(encode_binding(binding));
    std::array<std::byte, 3> sas;
    hkdf_expand(prk.reveal(), info, std::span(sas));
    const auto bits = std::to_integer<std::uint32_t>(sas[0]) << 16 | std::to_integer<std::uint32_t>(sas[1]) << 8 |
                      std::to_integer<std::uint32_t>(sas[2]);
    return {symbols[bits >> 18], symbols[bits >> 12 & 63], symbols[bits >> 6 & 63], symbols[bits & 63]};
}

}  // namespace sotto::crypto
