#include "transport/srtp.h"

#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/copy_bytes.h"
#include "transport/sequence.h"

namespace sotto::transport {
namespace {

constexpr unsigned long replay_window = 1024;
constexpr std::size_t min_rtcp = 8;    // header and sender SSRC, RFC 3711 §3.4
constexpr std::size_t index_word = 4;  // E and the SRTCP index, before the MKI, RFC 7714 §9.2

struct CloseSession {
    void operator()(srtp_t session) const { srtp_dealloc(session); }
};
using Session = std::unique_ptr<srtp_ctx_t_, CloseSession>;

bool library_ready() {
    static const bool ready = srtp_init() == srtp_err_status_ok;
    return ready;
}

// A PacketCipher as libsrtp calls a cipher: nonce, associated data (in one piece or two), text and tag one after
// another.
struct LibraryCipher {
    srtp_cipher_t known{};
    std::unique_ptr<PacketCipher> cipher;
    PacketCipher::Nonce nonce{};
    PacketCipher::Tag tag{};
    std::size_t tag_size = PacketCipher::tag_size;
    std::size_t associated_size = 0;
    std::array<std::byte, max_datagram> associated{};  // a header, and the index word of RTCP
    Bytes aad() const { return std::span(associated).first(associated_size); }
};

constexpr std::size_t half_tag = 8;  // nobody's but libsrtp's own tests'

constinit MakePacketCipher make_cipher = nullptr;
extern const srtp_cipher_type_t cipher_type;

LibraryCipher& of(void* state) { return *static_cast<LibraryCipher*>(state); }

srtp_err_status_t allocate(srtp_cipher_pointer_t* made, int key_size, int tag_size) {
    const bool whole = tag_size == int{PacketCipher::tag_size}, half = tag_size == int{half_tag};
    if (key_size != SRTP_AES_GCM_256_KEY_LEN_WSALT || (!whole && !half)) return srtp_err_status_bad_param;
    auto* const cipher = new LibraryCipher{.cipher = make_cipher(), .tag_size = static_cast<std::size_t>(tag_size)};
    cipher->known = {.type = &cipher_type, .state = cipher, .key_len = key_size, .algorithm = SRTP_AES_GCM_256};
    *made = &cipher->known;
    return srtp_err_status_ok;
}

srtp_err_status_t give_back(srtp_cipher_pointer_t cipher) {
    delete &of(cipher->state);
    return srtp_err_status_ok;
}

srtp_err_status_t set_key(void* state, const std::uint8_t* key) {
    of(state).cipher->set_key(std::as_bytes(std::span<const std::uint8_t, PacketCipher::key_size>(key, 32)));
    return srtp_err_status_ok;
}

srtp_err_status_t set_nonce(void* state, std::uint8_t* nonce, srtp_cipher_direction_t) {
    std::memcpy(of(state).nonce.data(), nonce, PacketCipher::nonce_size);
    of(state).associated_size = 0;
    return srtp_err_status_ok;
}

srtp_err_status_t add_associated(void* state, const std::uint8_t* data, std::uint32_t size) {
    LibraryCipher& cipher = of(state);
    if (size > cipher.associated.size() - cipher.associated_size) return srtp_err_status_bad_param;
    copy_bytes(std::as_bytes(std::span(data, size)), std::span(cipher.associated).subspan(cipher.associated_size));
    cipher.associated_size += size;
    return srtp_err_status_ok;
}

srtp_err_status_t seal(void* state, std::uint8_t* text, unsigned* size) {
    LibraryCipher& cipher = of(state);
    cipher.cipher->seal(cipher.nonce, cipher.aad(), std::as_writable_bytes(std::span(text, *size)), cipher.tag);
    return srtp_err_status_ok;
}

srtp_err_status_t give_tag(void* state, std::uint8_t* tag, std::uint32_t* size) {
    const LibraryCipher& cipher = of(state);
    *size = static_cast<std::uint32_t>(cipher.tag_size);
    std::memcpy(tag, cipher.tag.data(), cipher.tag_size);
    return srtp_err_status_ok;
}

// By hand, since a PacketCipher opens whole tags alone: sealing twice gives the text back, and its tag.
bool open_half(LibraryCipher& cipher, MutableBytes text) {
    const PacketCipher::Tag told = cipher.tag;
    for (int i = 0; i < 3; ++i) {
        PacketCipher::Tag tag{};
        cipher.cipher->seal(cipher.nonce, cipher.aad(), text, tag);
        if (i == 1) cipher.tag = tag;
    }
    std::byte differing{};
    for (std::size_t i = 0; i < half_tag; ++i) differing |= told[i] ^ cipher.tag[i];
    return differing == std::byte{0};
}

// The tag stands behind the text.
srtp_err_status_t open(void* state, std::uint8_t* data, unsigned* size) {
    LibraryCipher& cipher = of(state);
    if (*size < cipher.tag_size) return srtp_err_status_bad_param;
    *size -= static_cast<unsigned>(cipher.tag_size);
    std::memcpy(cipher.tag.data(), data + *size, cipher.tag_size);
    const MutableBytes text = std::as_writable_bytes(std::span(data, *size));
    const bool authentic = cipher.tag_size == half_tag
                               ? open_half(cipher, text)
                               : cipher.cipher->open(cipher.nonce, cipher.aad(), text, cipher.tag);
    return authentic ? srtp_err_status_ok : srtp_err_status_auth_fail;
}

// Test case 14 of "The Galois/Counter Mode of Operation" (McGrew and Viega): key, nonce and text are zero. libsrtp asks
// for one of ours, and holds the cipher to its own as well.
constexpr std::array<std::uint8_t, 44> zeros{};
std::array<std::uint8_t, 12> zero_nonce{};
constexpr std::array<std::uint8_t, 32> sealed_zeros{0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                                    0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99,
                                                    0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
const srtp_cipher_test_case_t known_answer{
    44, zeros.data(), zero_nonce.data(), 16, zeros.data(), 32, sealed_zeros.data(), 0, nullptr, 16, nullptr};
const srtp_cipher_type_t cipher_type{allocate,
                                     give_back,
                                     set_key,
                                     add_associated,
                                     seal,
                                     open,
                                     set_nonce,
                                     give_tag,
                                     "AES-256 GCM of the room crypto",
                                     &known_answer,
                                     SRTP_AES_GCM_256};

// What libsrtp is told of one key. It wants a mutable pointer and copies the key, so ours is wiped with this.
struct Policy {
    Policy(std::span<const std::byte, 44> master, Ssrc ssrc) {
        std::copy(master.begin(), master.end(), key.fill().begin());
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        policy.ssrc = {.type = ssrc_specific, .value = ssrc.value};
        policy.key = reinterpret_cast<unsigned char*>(key.fill().data());
        policy.window_size = replay_window;
        policy.allow_repeat_tx = 0;
    }
    Secret<struct PolicyKeyRole, 44> key;
    srtp_policy_t policy{};
};

Result<Session> open_session(std::span<const std::byte, 44> key, Ssrc ssrc) {
    if (!library_ready()) return Failure(Error::unavailable);
    const Policy policy(key, ssrc);
    srtp_t session = nullptr;
    if (srtp_create(&session, &policy.policy) != srtp_err_status_ok) return Failure(Error::unavailable);
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
    const auto checked = check_rtp_header(packet);
    if (!checked) return checked;
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

// A session to send by, which counts what its key protects: there is no way past the limit but another key.
class LimitedSession {
  public:
    LimitedSession(Session&& session, Ssrc ssrc, const SrtpLimits& limits)
        : session_(std::move(session)), ssrc_(ssrc), limits_(limits) {}

    // libsrtp keeps both packet indices when it updates a stream (RFC 3711 §3.3.1 and §3.4 ask for that).
    Result<void> rekey(std::span<const std::byte, 44> key, MediaEpoch epoch) {
        const Policy policy(key, ssrc_);
        if (srtp_update(session_.get(), &policy.policy) != srtp_err_status_ok) return Failure(Error::unavailable);
        mki_ = mki_of(epoch);
        used_ = {.rtp = 0, .rtcp = 0};
        return {};
    }

    Result<std::size_t> protect_rtp(MutableBytes packet, std::size_t length) {
        return protect(srtp_protect, packet, length, used_.rtp, limits_.rtp);
    }
    Result<std::size_t> protect_rtcp(MutableBytes packet, std::size_t length) {
        return protect(srtp_protect_rtcp, packet, length, used_.rtcp, limits_.rtcp);
    }
    Ssrc ssrc() const { return ssrc_; }
    std::uint64_t rtp_packets() const { return used_.rtp; }

  private:
    Result<std::size_t> protect(Operation operation, MutableBytes packet, std::size_t length, std::uint64_t& used,
                                std::uint64_t limit) {
        if (used >= limit) return Failure(Error::key_exhausted);
        const auto size = apply(operation, session_, packet, length);
        if (!size) return size;
        ++used;
        std::ranges::copy(mki_, packet.subspan(*size).begin());
        return *size + srtp_mki_size;
    }

    Session session_;
    Ssrc ssrc_;
    Mki mki_ = mki_of({});
    SrtpLimits limits_;
    SrtpLimits used_{.rtp = 0, .rtcp = 0};
};

// A session to receive by.
struct EpochSession {
    MediaEpoch epoch;
    Session session;
    bool used = false;  // it has opened RTP, so libsrtp knows where the stream is
};

// The rollover counter of a packet with this number in a stream that has got as far as `reached`.
std::uint32_t rollovers_at(const SequenceUnwrapper& reached, SequenceNumber number) {
    constexpr std::int64_t circle = 1 << 16;  // where SequenceUnwrapper begins
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, reached.peek(number) - circle) / circle);
}

}  // namespace

bool use_packet_cipher(MakePacketCipher make) {
    if (make == nullptr || !library_ready()) return false;
    // libsrtp still derives keys by the library below it, and NSS loads itself for its first cipher and unloads after
    // its last: two milliseconds a key, unless one of its ciphers lives on.
    static const auto& kept = *new Result<Session>(open_session(Secret<struct NoKeyRole, 44>().reveal(), Ssrc{}));
    if (!kept) return false;
    const MakePacketCipher before = std::exchange(make_cipher, make);
    const bool taken = srtp_replace_cipher_type(&cipher_type, SRTP_AES_GCM_256) == srtp_err_status_ok;
    if (!taken) make_cipher = before;
    return taken;
}

struct SrtpSender::State {
    LimitedSession session;
};

SrtpSender::SrtpSender(std::unique_ptr<State> state) : state_(std::move(state)) {}
SrtpSender::SrtpSender(SrtpSender&&) noexcept = default;
SrtpSender& SrtpSender::operator=(SrtpSender&&) noexcept = default;
SrtpSender::~SrtpSender() = default;

Result<SrtpSender> SrtpSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, const SrtpLimits& limits) {
    const SrtpKey<Sending> consumed = std::move(key);
    auto session = open_session(consumed.reveal(), ssrc);
    if (!session) return Failure(session.error());
    return SrtpSender(std::make_unique<State>(LimitedSession(std::move(*session), ssrc, limits)));
}

Result<void> SrtpSender::rekey(SrtpKey<Sending>&& key, MediaEpoch epoch) {
    const SrtpKey<Sending> consumed = std::move(key);
    return state_->session.rekey(consumed.reveal(), epoch);
}

Result<std::size_t> SrtpSender::protect_rtp(MutableBytes packet, std::size_t length) {
    if (length > packet.size() || packet.size() - length < srtp_overhead) return Failure(Error::too_large);
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtp(packet.first(length), state_->session.ssrc());
    if (!checked) return Failure(checked.error());
    return state_->session.protect_rtp(packet, length);
}

Result<std::size_t> SrtpSender::protect_rtcp(MutableBytes packet, std::size_t length) {
    if (length > packet.size() || packet.size() - length < srtcp_overhead) return Failure(Error::too_large);
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtcp(packet.first(length), state_->session.ssrc());
    if (!checked) return Failure(checked.error());
    return state_->session.protect_rtcp(packet, length);
}

std::uint64_t SrtpSender::rtp_packets() const { return state_->session.rtp_packets(); }

struct SrtpReceiver::State {
    Ssrc ssrc;
    std::vector<EpochSession> sessions;  // ascending
    SequenceUnwrapper reached;           // by authentic packets
    MediaEpoch latest;

    // The session that the packet's MKI names, or null.
    EpochSession* named_by(Bytes packet) {
        const Bytes mki = packet.last(srtp_mki_size);
        const auto named = [&](const EpochSession& held) { return std::ranges::equal(mki_of(held.epoch), mki); };
        const auto found = std::find_if(sessions.rbegin(), sessions.rend(), named);
        return found == sessions.rend() ? nullptr : &*found;
    }
};

SrtpReceiver::SrtpReceiver(std::unique_ptr<State> state) : state_(std::move(state)) {}
SrtpReceiver::SrtpReceiver(SrtpReceiver&&) noexcept = default;
SrtpReceiver& SrtpReceiver::operator=(SrtpReceiver&&) noexcept = default;
SrtpReceiver::~SrtpReceiver() = default;

Result<SrtpReceiver> SrtpReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc) {
    SrtpReceiver receiver(std::make_unique<State>(State{.ssrc = ssrc, .sessions = {}, .reached = {}, .latest = {}}));
    receiver.state_->sessions.reserve(4);  // the present epoch and the next, of two generations while they change
    const auto added = receiver.add(std::move(key), {});
    if (!added) return Failure(added.error());
    return receiver;
}

Result<void> SrtpReceiver::add(SrtpKey<Receiving>&& key, MediaEpoch epoch) {
    const SrtpKey<Receiving> consumed = std::move(key);
    auto session = open_session(consumed.reveal(), state_->ssrc);
    if (!session) return Failure(session.error());
    state_->sessions.push_back({.epoch = epoch, .session = std::move(*session)});
    std::ranges::sort(state_->sessions, {}, &EpochSession::epoch);
    return {};
}

void SrtpReceiver::drop(MediaEpoch epoch) {
    std::erase_if(state_->sessions, [&](const EpochSession& held) { return held.epoch == epoch; });
}

MediaEpoch SrtpReceiver::latest() const { return state_->latest; }

Result<std::size_t> SrtpReceiver::unprotect_rtp(MutableBytes packet) {
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtp(packet, state_->ssrc);
    if (!checked) return Failure(checked.error());
    if (packet.size() < rtp_header_size + srtp_overhead) return Failure(Error::truncated);
    EpochSession* const held = state_->named_by(packet);
    if (held == nullptr) return Failure(Error::unknown_epoch);

    // The stream goes on under a new key: the first packet's rollover counter is what the stream has reached.
    const SequenceNumber number{*ByteReader(packet.subspan(2)).u16()};
    if (!held->used) {
        const std::uint32_t roc = rollovers_at(state_->reached, number);
        if (srtp_set_stream_roc(held->session.get(), state_->ssrc.value, roc) != srtp_err_status_ok) {
            return Failure(Error::unavailable);
        }
    }
    const auto size = apply(srtp_unprotect, held->session, packet, packet.size() - srtp_mki_size);
    if (!size) return size;
    held->used = true;
    state_->reached.unwrap(number);
    state_->latest = std::max(state_->latest, held->epoch);
    return size;
}

Result<std::size_t> SrtpReceiver::unprotect_rtcp(MutableBytes packet) {
    if (!aligned(packet)) return Failure(Error::invalid_argument);
    const auto checked = check_rtcp(packet, state_->ssrc);
    if (!checked) return Failure(checked.error());
    if (packet.size() < min_rtcp + srtcp_overhead) return Failure(Error::truncated);
    const EpochSession* const held = state_->named_by(packet);
    if (held == nullptr) return Failure(Error::unknown_epoch);
    const MutableBytes secured = packet.first(packet.size() - srtp_mki_size);
    // RFC 7714 §9.3: with E clear, RTCP is authenticated but readable. Ours never is, and libsrtp would take it.
    if ((secured[secured.size() - index_word] & std::byte{0x80}) == std::byte{0}) return Failure(Error::malformed);
    const auto size = apply(srtp_unprotect_rtcp, held->session, packet, secured.size());
    if (size) state_->latest = std::max(state_->latest, held->epoch);
    return size;
}

}  // namespace sotto::transport
