// From the ratchet to SRTP: one call secret per call, one epoch secret per media epoch, one SRTP key per direction and
// medium. docs/protocol.md, "Media keys".
#pragma once

#include "crypto/keys.h"
#include "sotto/identity.h"
#include "sotto/srtp_key.h"

namespace sotto::crypto {

enum class Role : std::uint8_t { caller = 0, callee = 1 };

// What every media key is bound to.
struct CallBinding {
    CallId call;
    PublicIdentity caller;
    PublicIdentity callee;
};

// Both messages' export secrets go in, so neither side alone decides and both ratchet directions protect the call.
CallSecret derive_call_secret(ExportSecret&& offer, ExportSecret&& answer, const CallBinding& binding);

// The keys of one epoch, as seen by one side.
struct MediaKeys {
    std::uint32_t epoch = 0;
    SrtpKey<Sending> send_audio, send_video;
    SrtpKey<Receiving> receive_audio, receive_video;
};

// Yields each epoch's keys once: an epoch cannot be asked for again, so no SRTP nonce can repeat.
class MediaKeySchedule {
  public:
    MediaKeySchedule(CallSecret&& secret, const CallBinding& binding, Role ours);
    // Error::key_exhausted after 2^32 - 1 epochs.
    Result<MediaKeys> next();

  private:
    EpochSecret epoch_secret_;
    CallBinding binding_;
    Role ours_;
    std::uint64_t epoch_ = 0;
};

}  // namespace sotto::crypto
