#include "sotto/error.h"

#include <array>
#include <utility>

namespace sotto {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::array<Entry, error_count> table{{
    {"truncated", "the input ends before its own lengths say it should"},
    {"malformed", "the input does not follow its format"},
    {"too_large", "the input is longer than the format or the buffer allows"},
    {"unsupported_version", "the input is of a protocol version that this build does not speak"},
    {"wrong_identity", "the message comes from another identity than the expected one"},
    {"bad_signature", "a signature does not verify under the identity key"},
    {"bad_key", "a public key is invalid or of low order"},
    {"unknown_prekey", "the message names a prekey that was never published or is used up"},
    {"unknown_session", "there is no session with this peer"},
    {"identity_changed", "this name stood for another identity before: decide which one to trust"},
    {"revoked", "the identity's newest device list leaves this device out"},
    {"outdated", "a newer one is known already"},
    {"forged", "authentication failed: the bytes were changed or sealed under another key"},
    {"replayed", "this was received before"},
    {"too_many_skipped", "the message skips more messages than are allowed"},
    {"key_exhausted", "the key has reached its usage limit"},
    {"unknown_stream", "the packet belongs to no agreed stream"},
    {"unknown_epoch", "the packet was protected under keys that are not held yet, or no longer"},
    {"too_late", "the packet arrived after its turn"},
    {"codec_failed", "the encoder or decoder refused the frame"},
    {"unsupported_media", "this size, rate or channel count is not supported"},
    {"invalid_argument", "an argument is outside its documented range"},
    {"wrong_state", "the call or account is not in a state that allows this"},
    {"unknown_call", "the signal names no call of ours"},
    {"not_permitted", "the policy does not let this caller ring, and the caller is told nothing"},
    {"unavailable", "the file, device, address or codec is not available"},
    {"io_failed", "the system refused to read or write"},
    {"foreign_store", "the file is no store of Sotto's, or of another key"},
    {"damaged_store", "a stored record is missing or does not open"},
}};

}  // namespace

std::string_view name(Error error) { return table[static_cast<std::size_t>(error)].first; }

std::string_view describe(Error error) { return table[static_cast<std::size_t>(error)].second; }

}  // namespace sotto
