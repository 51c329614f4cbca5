// Developers only: writes SRTP master keys to the file named by SOTTO_KEYLOGFILE, so that other programs can decode a
// captured call. Compiled to nothing unless SOTTO_KEYLOG is on; release builds hold no trace of it.
#pragma once

#include "base/strong_integer.h"
#include "sotto/identity.h"

namespace sotto::crypto {

// `key` is the 44 bytes of master key and salt. A line: SRTP <call> <epoch> <ssrc hex> <profile> <base64 key||salt>
#ifdef SOTTO_KEYLOG
// Says loudly on standard error where keys will go; nothing without the environment variable.
void announce_key_log();
void log_srtp_key(const CallId& call, std::uint32_t epoch, Ssrc ssrc, Bytes key);
#else
inline void announce_key_log() {}
inline void log_srtp_key(const CallId&, std::uint32_t, Ssrc, Bytes) {}
#endif

}  // namespace sotto::crypto
