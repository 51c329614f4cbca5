// What a session holds; session.cpp begins and uses it, session_record.cpp keeps it.
#pragma once

#include "crypto/locked.h"
#include "crypto/ratchet.h"
#include "crypto/session.h"

namespace sotto::crypto {

struct Session::State : Locked {
    State(Random& source, const PublicIdentity& theirs, const DeviceKey& device)
        : random(source), peer(theirs), peer_device(device) {}

    Random& random;
    PublicIdentity peer;
    DeviceKey peer_device;
    std::optional<X25519Public> base_key;  // EK_A of theirs, at the responder
    bool reached = false;                  // not kept: a restored session is never dialled by
    Ratchet ratchet;
};

}  // namespace sotto::crypto
