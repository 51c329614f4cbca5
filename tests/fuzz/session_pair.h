// Alice, who has begun a session with Bob, and Bob, whom nothing has reached yet.
#pragma once

#include "crypto/session.h"
#include "fuzz/harness.h"
#include "support/random.h"

namespace sotto::fuzz {

struct SessionPair {
    test::SeededRandom random{1};
    crypto::Device alice = crypto::Device::generate(crypto::Identity::generate(random), random);
    crypto::Device bob = crypto::Device::generate(crypto::Identity::generate(random), random);
    crypto::PrekeyStore prekeys = crypto::PrekeyStore::generate(1, random);
    crypto::Session initiator = std::move(*crypto::Session::initiate(alice, prekeys.publish(bob), random));

    // Bob refuses what was made of Alice's first message, and still accepts the genuine one, once.
    crypto::Session accept_after(Bytes plan) {
        const Buffer genuine = initiator.seal(as_bytes("first"), crypto::Step::keep)->message;
        const Buffer foreign = tampered(genuine, plan);
        const SecretBuffer before = prekeys.save();
        if (foreign != genuine) check(!crypto::Session::accept(bob, prekeys, foreign, random));
        check(std::ranges::equal(prekeys.save().reveal(), before.reveal()));
        auto accepted = crypto::Session::accept(bob, prekeys, genuine, random);
        check(accepted && accepted->first.plaintext == to_buffer(as_bytes("first")));
        check(!crypto::Session::accept(bob, prekeys, genuine, random));
        return std::move(accepted->session);
    }
};

// The receiver refuses what was made of the sender's next message, not a bit of it changes, and it still opens the
// genuine one.
inline void exchange(crypto::Session& sender, crypto::Session& receiver, crypto::Step step, Bytes plan) {
    const Buffer genuine = sender.seal(as_bytes("next"), step)->message;
    const Buffer foreign = tampered(genuine, plan);
    const SecretBuffer before = receiver.save();
    if (foreign != genuine) check(!receiver.open(foreign));
    check(std::ranges::equal(receiver.save().reveal(), before.reveal()));
    const auto opened = receiver.open(genuine);
    check(opened && opened->plaintext == to_buffer(as_bytes("next")));
    check(!receiver.open(genuine));
}

}  // namespace sotto::fuzz
