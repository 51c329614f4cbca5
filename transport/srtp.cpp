#include "transport/srtp.h"

#include <srtp2/srtp.h>

#include <array>

#include "base/byte_reader.h"
#include "transport/rtp.h"

namespace sotto::transport {
namespace {

constexpr unsigned long replay_window = 1024;
constexpr std::size_t min_rtcp = 8;    // header and sender SSRC, RFC 3711 §3.4
constexpr std::size_t index_word = 4;  // E and the SRTCP index, the last bytes of a packet, RFC 7714 §9.2

struct CloseSession {
    void operator()(srtp_t session) const { srtp_dealloc(session); }
};
using Session = std::unique_ptr<srtp_ctx_t_, CloseSession>;

bool library_ready() {
    static const bool ready = srtp_init() == srtp_err_status_ok;
    return ready;
}

Result<Session> open_session(std::span<const std::byte, 44> key, Ssrc ssrc) {
    if (!library_ready()) return Failure(Error::unavailable);
    // libsrtp wants a mutable pointer; it copies the key, so ours is wiped on leaving.
    Secret<struct PolicyKeyRole, 44> copy;
    std::copy(key.begin(), key.end(), copy.fill().begin());
    srtp_policy_t policy{};
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    policy.ssrc = {.type = ssrc_specific, .value = ssrc.value};
    policy.key = reinterpret_cast<unsigned char*>(copy.fill().data());
    policy.window_size = replay_window;
    policy.allow_repeat_tx = 0;
    srtp_t session = nullptr;
    if (srtp_create(&session, &policy) != srtp_err_status_ok) return Failure(Error::unavailable);
    return Session(session);
}

Error to_error(srtp_err_status_t status) {
    switch (status) {
        case srtp_err_status_auth_fail:
        case srtp_err_status_cipher_fail: return Error::forged;
        case srtp_err_status_replay_fail: return Error::replayed;
        case srtp_err_status_replay_old: return Error::too_late;
        case srtp_err_status_key_expired: return Error::key_exhausted;
        case srtp_err_status_no_ctx: return Error::unknown_stream;
        default: return Error::malformed;
    }
}

// Before libsrtp sees it: a whole header of the stream that the key is for.
Result<void> check_rtp(Bytes packet, Ssrc ssrc) {
    const auto parsed = parse_rtp(packet);
    // Padding is inside the ciphertext, so what parse_rtp() says of it means nothing yet.
    if (!parsed && parsed.error() != Error::malformed) return Failure(parsed.error());
    ByteReader in(packet.subspan(8));
    if (Ssrc{*in.u32()} != ssrc) return Failure(Error::unknown_stream);
    return {};
}

Result<void> check_rtcp(Bytes packet, Ssrc ssrc) {
    if (packet.size() < min_rtcp) return Failure(Error::truncated);
    if (std::to_integer<int>(packet[0]) >> 6 != 2) return Failure(Error::unsupported_version);
    ByteReader in(packet.subspan(4));
    if (Ssrc{*in.u32()} != ssrc) return Failure(Error::unknown_stream);
    return {};
}

using Operation = srtp_err_status_t (*)(srtp_t, void*, int*);

Result<std::size_t> apply(Operation operation, const Session& session, MutableBytes packet, std::size_t length) {
    int size = static_cast<int>(length);
    const srtp_err_status_t status = operation(session.get(), packet.data(), &size);
    if (status != srtp_err_status_ok) return Failure(to_error(status));
    return static_cast<std::size_t>(size);
}

// libsrtp reads packets as 32-bit words.
bool aligned(MutableBytes packet) { return reinterpret_cast<std::uintptr_t>(packet.data()) % 4 == 0; }

}  // namespace

struct SrtpSender::State {
    Session session;
    Ssrc ssrc;
};

SrtpSender::SrtpSender(std::unique_ptr<State> state) : state_(std::move(state)) {}
SrtpSender::SrtpSender(SrtpSender&&) noexcept = default;
SrtpSender& SrtpSender::operator=(SrtpSender&&) noexcept = default;
SrtpSender::~SrtpSender() = default;

Result<SrtpSender> SrtpSender::create(SrtpKey<Sending>&& key, Ssrc ssrc) {
    const SrtpKey<Sending> consumed = std::move(key);
    auto session = open_session(consumed.reveal(), ssrc);
    if (!session) return Failure(session.error());
    return SrtpSender(std::make_unique<State>(std::move(*session), ssrc));
}

Result<std::size_t> SrtpSender::protect_rtp(MutableBytes packet, std::size_t length) {
    if (length > packet.size() || packet.size() - length < srtp_overhead) return Failure(Error::too_large);
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtp(packet.first(length), state_->ssrc);
    if (!checked) return Failure(checked.error());
    return apply(srtp_protect, state_->session, packet, length);
}

Result<std::size_t> SrtpSender::protect_rtcp(MutableBytes packet, std::size_t length) {
    if (length > packet.size() || packet.size() - length < srtcp_overhead) return Failure(Error::too_large);
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtcp(packet.first(length), state_->ssrc);
    if (!checked) return Failure(checked.error());
    return apply(srtp_protect_rtcp, state_->session, packet, length);
}

struct SrtpReceiver::State {
    Session session;
    Ssrc ssrc;
};

SrtpReceiver::SrtpReceiver(std::unique_ptr<State> state) : state_(std::move(state)) {}
SrtpReceiver::SrtpReceiver(SrtpReceiver&&) noexcept = default;
SrtpReceiver& SrtpReceiver::operator=(SrtpReceiver&&) noexcept = default;
SrtpReceiver::~SrtpReceiver() = default;

Result<SrtpReceiver> SrtpReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc) {
    const SrtpKey<Receiving> consumed = std::move(key);
    auto session = open_session(consumed.reveal(), ssrc);
    if (!session) return Failure(session.error());
    return SrtpReceiver(std::make_unique<State>(std::move(*session), ssrc));
}

Result<std::size_t> SrtpReceiver::unprotect_rtp(MutableBytes packet) {
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtp(packet, state_->ssrc);
    if (!checked) return Failure(checked.error());
    if (packet.size() < rtp_header_size + srtp_overhead) return Failure(Error::truncated);
    return apply(srtp_unprotect, state_->session, packet, packet.size());
}

Result<std::size_t> SrtpReceiver::unprotect_rtcp(MutableBytes packet) {
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtcp(packet, state_->ssrc);
    if (!checked) return Failure(checked.error());
    if (packet.size() < min_rtcp + srtcp_overhead) return Failure(Error::truncated);
    // RFC 7714 §9.3: with E clear, RTCP is authenticated but readable. Ours never is, and libsrtp would take it.
    if ((packet[packet.size() - index_word] & std::byte{0x80}) == std::byte{0}) return Failure(Error::malformed);
    return apply(srtp_unprotect_rtcp, state_->session, packet, packet.size());
}

}  // namespace sotto::transport
