// A ratchet session and where it is kept: whatever it seals is written before anybody sees it.
#pragma once

#include <memory>

#include "call/ledger.h"
#include "crypto/session.h"

namespace sotto::call {

class KeptSession {
  public:
    // `ledger` is null for an account that keeps nothing.
    KeptSession(crypto::Session&& session, std::shared_ptr<Ledger> ledger, std::uint32_t number);

    // Session's; io_failed and the store's other errors, in addition, keep a message back for good: its place in the
    // chain is skipped, for nobody may know whether the state behind it was written.
    enum class Leaves : std::uint8_t { now, later };  // or never
    Result<crypto::Sealed> seal(Bytes plaintext, crypto::Step step, Leaves leaves = Leaves::now);
    void has_left() { said_ = true; }
    // Session's. What was opened is not to be used before keep(), or a seal(), has written that it was.
    Result<crypto::Opened> open(Bytes message);
    // Errors: io_failed and the store's others.
    Result<void> keep();

    // It is part of the next commit, as it is now.
    void put();
    // With the next commit it is kept no more.
    void forget();
    // Begins to be kept, for an account that kept nothing so far; or, with null, is kept nowhere again.
    void keep_in(std::shared_ptr<Ledger> ledger);

    const PublicIdentity& peer() const { return session_.peer(); }
    const DeviceKey& peer_device() const { return session_.peer_device(); }
    // Our user accepted a call that came by it: until then it may be a stranger's, and to decline makes nobody a
    // friend.
    bool is_welcome() const { return welcome_; }
    void welcome() { welcome_ = true; }
    bool can_seal() const { return session_.can_seal(); }
    bool has_opened() const { return session_.has_opened(); }
    // Something that it sealed has left.
    bool said() const { return said_; }
    bool reached() const { return session_.reached(); }
    std::uint32_t sealed_unanswered() const { return session_.sealed_unanswered(); }

  private:
    crypto::Session session_;
    std::shared_ptr<Ledger> ledger_;
    SessionEntry entry_;
    bool welcome_ = false;
    bool said_ = false;
};

}  // namespace sotto::call
