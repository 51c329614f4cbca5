#include "crypto/media_keys.h"

#include <algorithm>

#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/primitives.h"
#include "sotto/media.h"

namespace sotto::crypto {
namespace {

constexpr std::uint64_t epochs = 0xffffffff;

enum class Flow : std::uint8_t { to_callee = 0, to_caller = 1 };

// call id || Encode(caller) || Encode(callee)
std::array<std::byte, 16 + 33 + 33> encode_binding(const CallBinding& binding) {
    std::array<std::byte, 16 + 33 + 33> out;
    ByteWriter(out).bytes(binding.call.bytes).bytes(encode(binding.caller)).bytes(encode(binding.callee));
    return out;
}

// label || BE32(epoch)
EpochSecret derive_epoch(std::span<const std::byte, 64> from, std::uint32_t epoch) {
    std::array<std::byte, labels::epoch.size() + 4> info;
    ByteWriter(info).bytes(as_bytes(labels::epoch)).u32(epoch);
    EpochSecret secret;
    hkdf_expand(from, info, secret.fill());
    return secret;
}

// label || BE32(epoch) || direction || medium || binding
template <class Direction>
SrtpKey<Direction> derive_srtp(const EpochSecret& secret, std::uint32_t epoch, Flow flow, Medium medium,
                               const CallBinding& binding) {
    const auto bound = encode_binding(binding);
    std::array<std::byte, labels::srtp.size() + 4 + 1 + 1 + bound.size()> info;
    ByteWriter(info)
        .bytes(as_bytes(labels::srtp))
        .u32(epoch)
        .u8(static_cast<std::uint8_t>(flow))
        .u8(static_cast<std::uint8_t>(medium))
        .bytes(bound);
    SrtpKey<Direction> key;
    hkdf_expand(secret.reveal(), info, key.fill());
    return key;
}

}  // namespace

CallSecret derive_call_secret(ExportSecret&& offer, ExportSecret&& answer, const CallBinding& binding) {
    const ExportSecret offered = std::move(offer);
    const ExportSecret answered = std::move(answer);
    const Prk prk = hkdf_extract({}, {offered.reveal(), answered.reveal()});
    const auto bound = encode_binding(binding);
    std::array<std::byte, labels::call.size() + bound.size()> info;
    ByteWriter(info).bytes(as_bytes(labels::call)).bytes(bound);
    CallSecret secret;
    hkdf_expand(prk.reveal(), info, secret.fill());
    return secret;
}

MediaKeySchedule::MediaKeySchedule(CallSecret&& secret, const CallBinding& binding, Role ours)
    : binding_(binding), ours_(ours) {
    const CallSecret consumed = std::move(secret);
    epoch_secret_ = derive_epoch(consumed.reveal(), 0);
}

Result<MediaKeys> MediaKeySchedule::next() {
    if (epoch_ >= epochs) return Failure(Error::key_exhausted);
    const auto epoch = static_cast<std::uint32_t>(epoch_++);
    const Flow out = ours_ == Role::caller ? Flow::to_callee : Flow::to_caller;
    const Flow in = ours_ == Role::caller ? Flow::to_caller : Flow::to_callee;
    MediaKeys keys{.epoch = epoch,
                   .send_audio = derive_srtp<Sending>(epoch_secret_, epoch, out, Medium::audio, binding_),
                   .send_video = derive_srtp<Sending>(epoch_secret_, epoch, out, Medium::video, binding_),
                   .receive_audio = derive_srtp<Receiving>(epoch_secret_, epoch, in, Medium::audio, binding_),
                   .receive_video = derive_srtp<Receiving>(epoch_secret_, epoch, in, Medium::video, binding_)};
    // The assignment wipes this epoch's secret: nobody can go back.
    epoch_secret_ = derive_epoch(epoch_secret_.reveal(), epoch + 1);
    return keys;
}

}  // namespace sotto::crypto
