// Whether media may go to a peer before a check of ours was answered there.
#pragma once

namespace sotto::transport {

// RFC 7675 has media wait for that answer. A few of ours go before it, once a check has shown that somebody is there
// who knows the password which only the peer was told.
class EarlyMedia {
  public:
    static constexpr int max_datagrams = 100;  // in all

    // A check of the peer's came, by that password,
    void checked() { checked_ = true; }
    // and one from an address that it has not named: where it is isn't certain.
    void checked_from_elsewhere() { elsewhere_ = true; }
    // It names more than one host: which of them the first check comes from is not told.
    void named_elsewhere() { elsewhere_ |= !checked_; }
    bool allowed() const { return checked_ && !elsewhere_; }
    // One more datagram is to go; false: it may not.
    bool take() {
        if (!allowed() || left_ == 0) return false;
        --left_;
        return true;
    }

  private:
    bool checked_ = false;
    bool elsewhere_ = false;
    int left_ = max_datagrams;
};

}  // namespace sotto::transport
