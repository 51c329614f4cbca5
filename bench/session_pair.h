// Both ends of one of our sessions. The only file here that knows crypto::Session's interface.
#pragma once

#include "bench/peers/peer.h"
#include "crypto/session.h"
#include "sotto/random.h"

namespace sotto::bench {

// Two sides that have answered each other, so that no initial header is sent any more.
class SessionPair {
  public:
    explicit SessionPair(Random& random = system_random());
    void send(End from, Bytes plaintext, crypto::Step step = crypto::Step::keep);
    // Two messages, each with a step. Afterwards Alice's chain is answered: the next 100 need no KEM key.
    void round_trip(Bytes plaintext);
    // Bob's end is given what no session of his can open.
    void refuse(Bytes forged);
    // Of Alice's session, as a store would keep it.
    std::size_t saved_size() const { return ends_.alice.save().reveal().size(); }

  private:
    struct Ends {
        crypto::Session alice, bob;
    };
    static Ends meet(Random& random);
    Ends ends_;
};

// Somebody with a device, before and after a stranger's bundle has come as bytes.
class Dialler {
  public:
    Dialler();
    // Parses and checks the bundle, begins a session and seals its first message.
    void dial(Bytes offer) const;

  private:
    crypto::Device device_;
    Buffer bundle_;
};

}  // namespace sotto::bench
