// Whether media may go to a peer before a check of ours was answered there.
#pragma once

#include <algorithm>
#include <vector>

#include "transport/relay_answers.h"

namespace sotto::transport {

// RFC 7675 has media wait for that answer. A few of ours go before it, once a check has shown that somebody is there
// who knows the password which only the peer was told.
class EarlyMedia {
  public:
    static constexpr int max_datagrams = 100;  // in all

    // A check of the peer's came, by that password.
    void checked() { checked_ = true; }
    // One came from an address that it had not named by then. If it never does, where it is isn't certain.
    void checked_from(const RelayedAddress& where) {
        if (std::ranges::find(named_, where) != named_.end()) return;
        if (std::ranges::find(unnamed_, where) != unnamed_.end()) return;
        elsewhere_ |= unnamed_.size() == max_unnamed;
        if (!elsewhere_) unnamed_.push_back(where);
    }
    // It names one. Of several hosts, which the first check comes from is not told; if only one was named before that
    // came, it is that one.
    void named(const RelayedAddress& where) {
        if (named_.empty()) checked_before_ = checked_;
        const bool other_host = !named_.empty() && named_.front().address != where.address;
        elsewhere_ |= other_host && (!checked_ || checked_before_);
        named_.push_back(where);
        std::erase(unnamed_, where);
    }
    bool allowed() const { return checked_ && !elsewhere_ && unnamed_.empty(); }
    // One more datagram is to go; false: it may not.
    bool take() {
        if (!allowed() || left_ == 0) return false;
        --left_;
        return true;
    }

  private:
    static constexpr std::size_t max_unnamed = 8;

    std::vector<RelayedAddress> named_, unnamed_;
    bool checked_ = false;
    bool checked_before_ = false;  // anything was named
    bool elsewhere_ = false;
    int left_ = max_datagrams;
};

}  // namespace sotto::transport
