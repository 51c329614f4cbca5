// AES-256-GCM by OpenSSL and nothing around it: the least that protecting a packet can cost here.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "sotto/bytes.h"

namespace sotto::bench {

// Seals and opens RTP packets with a header of 12 bytes as RFC 7714 does: header authenticated, payload encrypted, a
// tag of 16 bytes behind. No rollover counter, no replay list, no MKI.
class BareAes {
  public:
    static constexpr std::size_t tag_size = 16;

    explicit BareAes(std::span<const std::byte, 32> key);
    // In place: `packet` holds the packet and room for the tag. The nonce is made of `number`.
    void seal(MutableBytes packet, std::uint64_t number);
    bool open(MutableBytes packet, std::uint64_t number);

    BareAes(BareAes&&) noexcept;
    ~BareAes();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string aes_version();

}  // namespace sotto::bench
