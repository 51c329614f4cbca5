// A session with one peer: PQXDH to begin, the Double Ratchet from then on. Messages are opaque bytes for any carrier.
#pragma once

#include <memory>

#include "crypto/device.h"
#include "crypto/prekeys.h"
#include "sotto/secret.h"

namespace sotto::crypto {

// One sealed message, and the secret that exactly this message shares with whoever opens it.
struct Sealed {
    Buffer message;
    ExportSecret exported;
    bool stepped = false;  // it is the first of its chain: its keys come from a step made for it
};
struct Opened {
    Buffer plaintext;
    ExportSecret exported;
};

// Whether a message asks for keys that nothing seen or stolen before can tell, which it gets as soon as the peer has
// answered the last ones.
enum class Step : std::uint8_t { keep, fresh };

class Session {
  public:
    // Starts a session with the owner of `bundle`. `random` must outlive the session. Errors: bad_signature, bad_key.
    static Result<Session> initiate(const Device& ours, const PrekeyBundle& bundle, Random& random);

    // Opens the first message of a session that a stranger or contact started; nothing (no prekey, no state) is
    // spent unless it authenticates. Errors: truncated, malformed, too_large, unsupported_version, unknown_session
    // (not an initial message), replayed, unknown_prekey, key_exhausted, bad_signature, bad_key, too_many_skipped,
    // forged.
    struct Accepted;
    static Result<Accepted> accept(const Device& ours, PrekeyStore& prekeys, Bytes message, Random& random);

    // Seals the next message of our sending chain, or the first of a new one. Errors: too_large (plaintext over
    // max_plaintext), key_exhausted, unknown_session (a restored session that can_seal() no more).
    Result<Sealed> seal(Bytes plaintext, Step step);

    // Opens a message in any order; a failed one changes no state.
    // Errors: truncated, malformed, too_large, unsupported_version, unknown_session (of another session, or of a chain
    // too long ago), wrong_identity, forged, replayed, too_many_skipped, bad_key.
    Result<Opened> open(Bytes message);

    const PublicIdentity& peer() const;
    const DeviceKey& peer_device() const;
    // Whether we have sealed anything in it: until then it may be a stranger's, and little is kept for it.
    bool has_sealed() const;
    // Not after restore() where the last sending chain was never answered, until a message of the peer's has opened.
    bool can_seal() const;
    // Whether anything has opened in it: until then it is one that we began, and the peer may know nothing of it.
    bool has_opened() const;
    // Whether a message of ours is known to have opened: the peer says nothing but initial messages before. Not after
    // restore().
    bool reached() const;
    // Messages of our sending chain if the peer has not answered any of them, else 0.
    std::uint32_t sealed_unanswered() const;
    // Message keys of skipped messages held now, and given up because there were too many.
    std::size_t skipped_held() const;
    std::uint64_t skipped_given_up() const;

    // The session as bytes, for a store that keeps them secret and whole; crypto/session_record.cpp has the format. It
    // leaves the sending chain out, so no record, however old, can seal twice under one key.
    SecretBuffer save() const;
    // Errors: truncated, malformed, unsupported_version.
    static Result<Session> restore(Bytes record, Random& random);

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
};
Result<MessageKind> peek(Bytes message);

}  // namespace sotto::crypto
