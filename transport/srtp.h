// SRTP and SRTCP (RFC 3711) with AEAD_AES_256_GCM (RFC 7714), by libsrtp2. There is no other cipher and no way to send
// in the clear: a protector exists only by consuming a key, and a key cannot be copied.
#pragma once

#include <memory>

#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/srtp_key.h"

namespace sotto::transport {

inline constexpr std::size_t srtp_overhead = 16;   // bytes added to RTP: the tag
inline constexpr std::size_t srtcp_overhead = 20;  // bytes added to RTCP: the tag and the E/index word

// Protects the packets of one stream. Sequence numbers must not repeat within one rollover cycle: a repeated index is
// refused (Error::replayed), so a nonce cannot be used twice.
class SrtpSender {
  public:
    static Result<SrtpSender> create(SrtpKey<Sending>&& key, Ssrc ssrc);

    // In place: `packet` holds `length` bytes of RTP and room for srtp_overhead more. Gives the new length.
    // Errors: too_large (no room), malformed, unknown_stream (other SSRC), replayed, key_exhausted (RFC 3711 §9.2).
    Result<std::size_t> protect_rtp(MutableBytes packet, std::size_t length);
    Result<std::size_t> protect_rtcp(MutableBytes packet, std::size_t length);  // srtcp_overhead

    SrtpSender(SrtpSender&&) noexcept;
    SrtpSender& operator=(SrtpSender&&) noexcept;
    ~SrtpSender();

  private:
    struct State;
    explicit SrtpSender(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Opens the packets of one stream, each once, in a replay window of 1024 packets (RFC 3711 §3.3.2).
class SrtpReceiver {
  public:
    static Result<SrtpReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc);

    // In place; gives the length of the plain packet. After an error `packet` is unspecified and no state has changed.
    // Errors: malformed (RTCP in the clear, too), truncated, unknown_stream, forged, replayed, too_late (older than
    // the window), invalid_argument (`packet` does not begin at a multiple of four bytes).
    Result<std::size_t> unprotect_rtp(MutableBytes packet);
    Result<std::size_t> unprotect_rtcp(MutableBytes packet);

    SrtpReceiver(SrtpReceiver&&) noexcept;
    SrtpReceiver& operator=(SrtpReceiver&&) noexcept;
    ~SrtpReceiver();

  private:
    struct State;
    explicit SrtpReceiver(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sotto::transport
