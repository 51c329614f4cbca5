#include "crypto/media_keys.h"

#include <algorithm>
#include <type_traits>

#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/primitives.h"
#include "sotto/media.h"

namespace sotto::crypto {
namespace {

constexpr std::uint32_t epochs_in_generation = 1 << 16;

enum class Flow : std::uint8_t { to_callee = 0, to_caller = 1 };

template <class Direction>
Flow flow_of(Role ours) {
    const bool to_callee = (ours == Role::caller) == std::is_same_v<Direction, Sending>;
    return to_callee ? Flow::to_callee : Flow::to_caller;
}

// label || BE32(generation) || BE32(epoch) || direction
EpochSecret derive_epoch(std::span<const std::byte, 64> from, std::uint32_t generation, std::uint32_t epoch,
                         Flow flow) {
    std::array<std::byte, labels::epoch.size() + 4 + 4 + 1> info;
    ByteWriter(info).bytes(as_bytes(labels::epoch)).u32(generation).u32(epoch).u8(static_cast<std::uint8_t>(flow));
    EpochSecret secret;
    hkdf_expand(from, info, secret.fill());
    return secret;
}

enum class KeyedStream : std::uint8_t { audio = 0, video = 1, repair = 2 };

// label || BE32(generation) || BE32(epoch) || direction || medium || binding
template <class Direction>
SrtpKey<Direction> derive_srtp(const EpochSecret& secret, MediaEpoch epoch, Flow flow, KeyedStream stream,
                               const CallBinding& binding) {
    std::array<std::byte, labels::srtp.size() + 4 + 4 + 1 + 1 + sizeof(EncodedBinding)> info;
    ByteWriter(info)
        .bytes(as_bytes(labels::srtp))
        .u32(epoch.generation)
        .u32(epoch.epoch)
        .u8(static_cast<std::uint8_t>(flow))
        .u8(static_cast<std::uint8_t>(stream))
        .bytes(encode_binding(binding));
    SrtpKey<Direction> key;
    hkdf_expand(secret.reveal(), info, key.fill());
    return key;
}

// Expand(Extract(salt, first || second), info, 64)
GenerationSecret derive_from_exchange(Bytes salt, ExportSecret&& first, ExportSecret&& second, Bytes info) {
    const ExportSecret asked = std::move(first);
    const ExportSecret answered = std::move(second);
    const Prk prk = hkdf_extract(salt, {asked.reveal(), answered.reveal()});
    GenerationSecret secret;
    hkdf_expand(prk.reveal(), info, secret.fill());
    return secret;
}

}  // namespace

EncodedBinding encode_binding(const CallBinding& binding) {
    EncodedBinding out;
    ByteWriter(out).bytes(binding.call.bytes).bytes(encode(binding.caller)).bytes(encode(binding.callee));
    return out;
}

CallSecret derive_call_secret(ExportSecret&& offer, ExportSecret&& answer, const CallBinding& binding) {
    std::array<std::byte, labels::call.size() + sizeof(EncodedBinding)> info;
    ByteWriter(info).bytes(as_bytes(labels::call)).bytes(encode_binding(binding));
    return derive_from_exchange({}, std::move(offer), std::move(answer), info);
}

RekeySalt derive_rekey_salt(const CallSecret& secret) {
    RekeySalt salt;
    hkdf_expand(secret.reveal(), as_bytes(labels::rekey_salt), salt.fill());
    return salt;
}

GenerationSecret derive_generation_secret(const RekeySalt& salt, ExportSecret&& request, ExportSecret&& response,
                                          std::uint16_t generation, const CallBinding& binding) {
    std::array<std::byte, labels::rekey.size() + 4 + sizeof(EncodedBinding)> info;
    ByteWriter(info).bytes(as_bytes(labels::rekey)).u32(generation).bytes(encode_binding(binding));
    return derive_from_exchange(salt.reveal(), std::move(request), std::move(response), info);
}

template <class Direction>
EpochChain<Direction>::EpochChain(const GenerationSecret& secret, std::uint16_t generation, const CallBinding& binding,
                                  Role ours)
    : secret_(derive_epoch(secret.reveal(), generation, 0, flow_of<Direction>(ours))),
      binding_(binding),
      ours_(ours),
      generation_(generation) {}

template <class Direction>
Result<EpochKeys<Direction>> EpochChain<Direction>::next() {
    if (epoch_ >= epochs_in_generation) return Failure(Error::key_exhausted);
    const Flow flow = flow_of<Direction>(ours_);
    const MediaEpoch epoch{.generation = generation_, .epoch = static_cast<std::uint16_t>(epoch_)};
    EpochKeys<Direction> keys{.epoch = epoch,
                              .audio = derive_srtp<Direction>(secret_, epoch, flow, KeyedStream::audio, binding_),
                              .video = derive_srtp<Direction>(secret_, epoch, flow, KeyedStream::video, binding_),
                              .repair = derive_srtp<Direction>(secret_, epoch, flow, KeyedStream::repair, binding_)};
    // The assignment wipes this epoch's secret: nobody can go back.
    secret_ = derive_epoch(secret_.reveal(), generation_, ++epoch_, flow);
    return keys;
}

template class EpochChain<Sending>;
template class EpochChain<Receiving>;

Generation::Generation(GenerationSecret&& secret, std::uint16_t generation, const CallBinding& binding, Role ours)
    : sending(secret, generation, binding, ours), receiving(secret, generation, binding, ours) {
    secret = {};  // wiped
}

}  // namespace sotto::crypto
