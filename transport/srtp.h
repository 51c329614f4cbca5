// SRTP and SRTCP (RFC 3711) with AEAD_AES_256_GCM (RFC 7714), by libsrtp2, and an MKI that names the key's epoch. There
// is no other cipher and no way to send in the clear: a protector exists only by consuming a key, and a key cannot be
// copied.
#pragma once

#include <array>
#include <memory>

#include "base/packet_cipher.h"
#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/media_epoch.h"
#include "sotto/srtp_key.h"
#include "transport/rtp.h"

namespace sotto::transport {

inline constexpr std::size_t srtp_overhead = srtp_tag_size + srtp_mki_size;       // bytes added to RTP: tag, MKI
inline constexpr std::size_t srtcp_overhead = srtp_tag_size + 4 + srtp_mki_size;  // to RTCP: tag, E/index word, MKI

// The last two bytes of a packet; docs/protocol.md, "Epochs".
using Mki = std::array<std::byte, srtp_mki_size>;
constexpr Mki mki_of(MediaEpoch epoch) {
    return {static_cast<std::byte>(epoch.generation & 0xff), static_cast<std::byte>(epoch.epoch & 0xff)};
}

// Streams keyed from now on have ciphers of this kind in place of libsrtp's own AES-256-GCM, for as long as the program
// runs and whoever in it makes sessions of that libsrtp. False: libsrtp's tests refused it, and its own stays.
bool use_packet_cipher(MakePacketCipher make);

// Packets that one key protects at most. Ours for SRTP is far below the 2^48 of RFC 3711 §9.2.
struct SrtpLimits {
    std::uint64_t rtp = std::uint64_t{1} << 20;
    std::uint64_t rtcp = std::uint64_t{1} << 31;  // RFC 3711 §9.2, RFC 7714 §14.1
};

// Protects the packets of one stream, from MediaEpoch{} on. Sequence numbers must not repeat within one rollover cycle:
// a repeated index is refused (Error::replayed), so a nonce cannot be used twice.
class SrtpSender {
  public:
    static Result<SrtpSender> create(SrtpKey<Sending>&& key, Ssrc ssrc, const SrtpLimits& limits = {});

    // From here on packets go under this key; the one before is wiped. The indices of SRTP and SRTCP go on (RFC 3711
    // §3.3.1, §3.4). Error::unavailable (the library failed): then this protects nothing any more.
    Result<void> rekey(SrtpKey<Sending>&& key, MediaEpoch epoch);

    // In place: `packet` holds `length` bytes of RTP and room for srtp_overhead more. Gives the new length.
    // Errors: too_large (no room), malformed, truncated, unsupported_version, unknown_stream (other SSRC), replayed,
    // key_exhausted (SrtpLimits), invalid_argument (`packet` does not begin at a multiple of four bytes).
    Result<std::size_t> protect_rtp(MutableBytes packet, std::size_t length);
    Result<std::size_t> protect_rtcp(MutableBytes packet, std::size_t length);  // srtcp_overhead

    std::uint64_t rtp_packets() const;  // protected under the present key

    SrtpSender(SrtpSender&&) noexcept;
    SrtpSender& operator=(SrtpSender&&) noexcept;
    ~SrtpSender();

  private:
    struct State;
    explicit SrtpSender(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Opens the packets of one stream, each once, in a replay window of 1024 packets a key (RFC 3711 §3.3.2). It holds the
// keys of several epochs; a packet's MKI chooses.
class SrtpReceiver {
  public:
    // `key` is MediaEpoch{}'s.
    static Result<SrtpReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc);

    // Opens packets of that epoch, too, from now on, until drop(). Error::unavailable (the library failed).
    Result<void> add(SrtpKey<Receiving>&& key, MediaEpoch epoch);
    void drop(MediaEpoch epoch);

    // In place; gives the length of the plain packet. After an error `packet` is unspecified and no state has changed.
    // Errors: malformed (RTCP in the clear, too), truncated, unsupported_version, unknown_stream, unknown_epoch (before
    // any cryptography), forged, replayed, too_late (older than the window), invalid_argument (`packet` does not begin
    // at a multiple of four bytes), unavailable (the library failed).
    Result<std::size_t> unprotect_rtp(MutableBytes packet);
    Result<std::size_t> unprotect_rtcp(MutableBytes packet);

    MediaEpoch latest() const;  // that a packet was authentic in

    SrtpReceiver(SrtpReceiver&&) noexcept;
    SrtpReceiver& operator=(SrtpReceiver&&) noexcept;
    ~SrtpReceiver();

  private:
    struct State;
    explicit SrtpReceiver(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sotto::transport
