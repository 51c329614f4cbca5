// Every way in which Sotto can refuse something. No exception leaves the library and no bool stands for an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "sotto/export.h"

namespace sotto {

// Each value names a cause, not a place. describe() gives it as a sentence; stats count refusals under it.
enum class Error : std::uint8_t {
    // malformed input
    truncated,            // ends before its own lengths say
    malformed,            // violates its format
    too_large,            // longer than the format or the buffer allows
    unsupported_version,  // a version of the protocol that this build does not speak
    // identity and key exchange
    wrong_identity,    // signed or sealed by somebody else than expected
    bad_signature,     // a signature does not verify
    bad_key,           // a public key is of low order, not canonical, or not on the curve
    unknown_prekey,    // names a prekey that was never published or was used up
    unknown_session,   // no session with that peer
    identity_changed,  // a name that stood for one identity now stands for another: the client decides
    revoked,           // a device that its identity's newest device list leaves out
    outdated,          // older than what is known already
    // ratchet
    forged,            // authentication failed
    replayed,          // was received before
    too_many_skipped,  // jumps further ahead than MAX_SKIP
    key_exhausted,     // the key has reached its usage limit
    // media
    unknown_stream,     // SSRC or payload type that was not agreed
    unknown_epoch,      // protected under a key that we do not have yet, or no longer
    too_late,           // arrived after its turn
    codec_failed,       // the encoder or decoder refused
    unsupported_media,  // a size, rate or channel count that is not supported
    // use of the API
    invalid_argument,
    wrong_state,    // the call or account is not in a state that allows this
    unknown_call,   // a signal names no call of ours
    not_permitted,  // our policy does not let this caller ring; nothing leaves for it
    // the edge
    unavailable,    // a file, device, address, codec or name is not there, or somebody else has it
    io_failed,      // the system refused to read or write
    foreign_store,  // a file that is no store of ours, or of another key
    damaged_store,  // a record that does not open, or is missing
};

inline constexpr std::size_t error_count = static_cast<std::size_t>(Error::damaged_store) + 1;

// The identifier of an error as in the enum, for logs and statistics.
SOTTO_API std::string_view name(Error error);

// One English sentence without a full stop.
SOTTO_API std::string_view describe(Error error);

template <class T>
using Result = std::expected<T, Error>;

// What a function gives back that failed. Marked as cold, so that the compiler keeps the ways that lead here apart from
// those that go well: between two frames the codecs take the caches, and each line of code comes anew.
class Failure : public std::unexpected<Error> {
  public:
    [[gnu::cold, gnu::noinline]] explicit Failure(Error error) : std::unexpected<Error>(error) {}
};

}  // namespace sotto
