// A session with one peer: PQXDH to begin, the Double Ratchet from then on. Messages are opaque bytes for any carrier.
#pragma once

#include <memory>

#include "crypto/device.h"
#include "crypto/prekeys.h"

namespace sotto::crypto {

// One sealed message, and the secret that exactly this message shares with whoever opens it.
struct Sealed {
    Buffer message;
    ExportSecret exported;
};
struct Opened {
    Buffer plaintext;
    ExportSecret exported;
};

class Session {
  public:
    // Starts a session with the owner of `bundle`. `random` must outlive the session. Errors: bad_signature, bad_key.
    static Result<Session> initiate(const Device& ours, const PrekeyBundle& bundle, Random& random);

    // Opens the first message of a session that a stranger or contact started; nothing (no prekey, no state) is
    // spent unless it authenticates. Errors: truncated, malformed, unsupported_version, replayed, unknown_prekey,
    // key_exhausted, bad_signature, bad_key, too_many_skipped, forged.
    struct Accepted;
    static Result<Accepted> accept(const Device& ours, PrekeyStore& prekeys, Bytes message, Random& random);

    // Seals the next message of our sending chain. Errors: too_large (plaintext over max_plaintext), key_exhausted.
    Result<Sealed> seal(Bytes plaintext);

    // Opens a message in any order; a failed one changes no state.
    // Errors: truncated, malformed, unsupported_version, unknown_session (an initial message of another session),
    // forged, replayed, too_many_skipped.
    Result<Opened> open(Bytes message);

    const PublicIdentity& peer() const;
    const DeviceKey& peer_device() const;
    // Whether the peer has used this ratchet key here, as far as we remember.
    bool knows(const X25519Public& ratchet_key) const;
    // Whether we have sealed anything in it: until then it may be a stranger's, and little is kept for it.
    bool has_sealed() const;
    // Messages of our sending chain so far: the peer's reply to any of them ends the chain.
    std::uint32_t sealed_unanswered() const;
    // Message keys of skipped messages held now, and given up because there were too many.
    std::size_t skipped_held() const;
    std::uint64_t skipped_given_up() const;

    static constexpr std::size_t max_plaintext = 16384;
    static constexpr std::uint32_t max_skip = 1000;  // MAX_SKIP, Double Ratchet §2.6
    // MAX_SKIP in a chain of which nothing has opened: what a forged ratchet key costs us in every session.
    static constexpr std::uint32_t max_skip_new_chain = 100;
    static constexpr std::size_t max_skipped = 2000;           // held in all; the oldest go first
    static constexpr std::size_t max_skipped_unanswered = 16;  // as long as we have sealed nothing

    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

  private:
    struct State;
    explicit Session(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Session::Accepted {
    Session session;
    Opened first;
};

// Who sent this message, before any cryptography: initial messages carry their sender's certificate.
struct MessageKind {
    bool initial = false;
    DeviceCertificate sender;  // only of initial messages, unchecked
    X25519Public ratchet_key;  // unauthenticated
};
Result<MessageKind> peek(Bytes message);

}  // namespace sotto::crypto
