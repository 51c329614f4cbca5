// Both ends of one of our sessions. The only file here that knows crypto::Session's interface.
#pragma once

#include "bench/peers/peer.h"
#include "crypto/session.h"

namespace sotto::bench {

// How many ML-KEM key generations, encapsulations and decapsulations a step takes, of each.
inline constexpr int kem_in_step = 0;  // 1 once crypto/session.cpp does what docs/protocol.md, section 5, says

// `fresh`: with a step of the sender's, where its chain is answered.
inline Result<crypto::Sealed> seal(crypto::Session& session, Bytes plaintext, bool fresh) {
    static_cast<void>(fresh);  // then: fresh ? crypto::Step::fresh : crypto::Step::keep
    return session.seal(plaintext);
}

// Two sides that have answered each other, so that no initial header is sent any more.
class SessionPair {
  public:
    SessionPair();
    void send(End from, Bytes plaintext, bool fresh);
    // Two messages, each with a step. Afterwards Alice's chain is answered: the next 100 need no KEM key.
    void round_trip(Bytes plaintext);

  private:
    struct Ends {
        crypto::Session alice, bob;
    };
    static Ends meet();
    Ends ends_;
};

// Somebody with an identity, before and after a stranger's bundle has come as bytes.
class Dialler {
  public:
    Dialler();
    // Parses and checks the bundle, begins a session and seals its first message.
    void dial(Bytes offer) const;

  private:
    crypto::Identity identity_;
    Buffer bundle_;
};

}  // namespace sotto::bench
