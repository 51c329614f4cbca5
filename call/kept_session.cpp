#include "call/kept_session.h"

#include <utility>

namespace sotto::call {

KeptSession::KeptSession(crypto::Session&& session, std::shared_ptr<Ledger> ledger, std::uint32_t number)
    : session_(std::move(session)),
      ledger_(std::move(ledger)),
      entry_{.device = session_.peer_device().key, .number = number} {}

void KeptSession::put() {
    if (ledger_) ledger_->put(entry_, session_.save());
}

Result<crypto::Sealed> KeptSession::seal(Bytes plaintext, crypto::Step step, Leaves leaves) {
    auto sealed = session_.seal(plaintext, step);
    said_ |= sealed && leaves == Leaves::now;
    if (!sealed || !ledger_) return sealed;
    put();
    const auto written = ledger_->commit();
    if (!written) return Failure(written.error());
    return sealed;
}

Result<crypto::Opened> KeptSession::open(Bytes message) {
    auto opened = session_.open(message);
    if (opened) put();
    return opened;
}

Result<void> KeptSession::keep() { return ledger_ ? ledger_->commit() : Result<void>{}; }

void KeptSession::forget() {
    if (ledger_) ledger_->erase(entry_);
    ledger_.reset();
}

void KeptSession::keep_in(std::shared_ptr<Ledger> ledger) {
    ledger_ = std::move(ledger);
    put();
}

}  // namespace sotto::call
