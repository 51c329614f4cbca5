// A cipher of somebody else's below SRTP: here OpenSSL's, beside that of the library below libsrtp.
#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <algorithm>

#include "transport/rtcp.h"
#include "transport/srtp.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

constexpr Ssrc ssrc{0x0a0b0c0d};

int made = 0, sealed = 0, opened = 0;

const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* room(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

class OpensslCipher : public PacketCipher {
  public:
    OpensslCipher() { ++made; }
    void set_key(std::span<const std::byte, key_size> key) override { std::ranges::copy(key, key_.begin()); }
    void seal(const Nonce& nonce, Bytes associated, MutableBytes text, Tag& tag) const override {
        const Context context = begin(nonce, associated, 1);
        int size = 0;
        REQUIRE(EVP_CipherUpdate(context.get(), room(text), &size, room(text), static_cast<int>(text.size())) == 1);
        REQUIRE(EVP_CipherFinal_ex(context.get(), room(tag), &size) == 1);
        REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, int{tag_size}, room(tag)) == 1);
        ++sealed;
    }
    bool open(const Nonce& nonce, Bytes associated, MutableBytes text, const Tag& tag) const override {
        const Context context = begin(nonce, associated, 0);
        Tag told = tag;
        int size = 0;
        REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, int{tag_size}, room(told)) == 1);
        REQUIRE(EVP_CipherUpdate(context.get(), room(text), &size, room(text), static_cast<int>(text.size())) == 1);
        ++opened;
        return EVP_CipherFinal_ex(context.get(), room(told), &size) == 1;
    }

  private:
    using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
    Context begin(const Nonce& nonce, Bytes associated, int sealing) const {
        Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
        int size = 0;
        REQUIRE(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key_), raw(nonce), sealing) == 1);
        REQUIRE(EVP_CipherUpdate(context.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) ==
                1);
        return context;
    }
    std::array<std::byte, key_size> key_{};
};

// Its tags are wrong.
class WrongCipher final : public OpensslCipher {
    void seal(const Nonce& nonce, Bytes associated, MutableBytes text, Tag& tag) const override {
        OpensslCipher::seal(nonce, associated, text, tag);
        tag[3] ^= std::byte{1};
    }
};

template <class Kind>
std::unique_ptr<PacketCipher> make() {
    return std::make_unique<Kind>();
}

template <class Direction>
SrtpKey<Direction> key() {
    SrtpKey<Direction> made_key;
    std::ranges::fill(made_key.fill(), std::byte{7});
    return made_key;
}

struct alignas(8) Packet {
    std::array<std::byte, 64> bytes{};
    std::size_t size = 0;
    MutableBytes view() { return std::span(bytes).first(size); }
};

Packet rtp(std::uint16_t sequence) {
    Packet packet;
    const RtpHeader header{.payload_type = PayloadType{96}, .sequence = SequenceNumber{sequence}, .ssrc = ssrc};
    packet.size = *write_rtp_header(header, packet.bytes) + 20;
    std::fill_n(packet.bytes.begin() + rtp_header_size, 20, std::byte{0x5a});
    return packet;
}

Packet bye() {
    Packet packet;
    packet.size = *write_rtcp({.sender = ssrc, .bye = true}, packet.bytes);
    return packet;
}

// Both kinds of packets of one end open at the other, once, and not if a byte differs.
void check_both(SrtpSender& sender, SrtpReceiver& receiver, std::uint16_t sequence) {
    for (const bool control : {false, true}) {
        CAPTURE(control);
        const Packet plain = control ? bye() : rtp(sequence);
        Packet packet = plain;
        const auto size =
            control ? sender.protect_rtcp(packet.bytes, packet.size) : sender.protect_rtp(packet.bytes, packet.size);
        REQUIRE(size);
        packet.size = *size;
        const auto open = [&](Packet copy) -> Result<Packet> {
            const auto length = control ? receiver.unprotect_rtcp(copy.view()) : receiver.unprotect_rtp(copy.view());
            if (!length) return Failure(length.error());
            copy.size = *length;
            return copy;
        };
        for (const std::size_t at : {std::size_t{13}, packet.size - srtp_mki_size - 5}) {
            Packet forged = packet;
            forged.bytes[at] ^= std::byte{1};
            CHECK_FALSE(open(forged));
        }
        const auto arrived = open(packet);
        REQUIRE(arrived);
        CHECK(arrived->size == plain.size);
        CHECK(std::equal(plain.bytes.begin(), plain.bytes.begin() + plain.size, arrived->bytes.begin()));
        CHECK(open(packet).error() == Error::replayed);
    }
}

}  // namespace

TEST_CASE("a cipher of ours below libsrtp makes and opens the packets that libsrtp's own does") {
    SrtpSender library_sender = std::move(*SrtpSender::create(key<Sending>(), ssrc));
    SrtpReceiver library_receiver = std::move(*SrtpReceiver::create(key<Receiving>(), ssrc));

    CHECK_FALSE(use_packet_cipher(nullptr));
    CHECK_FALSE(use_packet_cipher(make<WrongCipher>));
    made = 0;
    static_cast<void>(SrtpSender::create(key<Sending>(), ssrc));
    CHECK(made == 0);  // libsrtp's own stayed

    REQUIRE(use_packet_cipher(make<OpensslCipher>));
    SrtpSender sender = std::move(*SrtpSender::create(key<Sending>(), ssrc));
    SrtpReceiver receiver = std::move(*SrtpReceiver::create(key<Receiving>(), ssrc));
    sealed = opened = 0;
    check_both(sender, library_receiver, 100);
    CHECK(sealed == 2);
    CHECK(opened == 0);
    check_both(library_sender, receiver, 100);
    CHECK(opened == 6);

    // One that libsrtp refuses does not displace it, and a key follows a key.
    CHECK_FALSE(use_packet_cipher(make<WrongCipher>));
    REQUIRE(sender.rekey(key<Sending>(), {.generation = 0, .epoch = 1}));
    REQUIRE(receiver.add(key<Receiving>(), {.generation = 0, .epoch = 1}));
    sealed = 0;
    check_both(sender, receiver, 101);
    CHECK(sealed == 2);
}

TEST_CASE("a header beyond any datagram of ours is refused before it is copied") {
    REQUIRE(use_packet_cipher(make<OpensslCipher>));
    SrtpReceiver receiver = std::move(*SrtpReceiver::create(key<Receiving>(), ssrc));
    alignas(8) std::array<std::byte, 4000> bytes{};
    REQUIRE(write_rtp_header({.payload_type = PayloadType{96}, .ssrc = ssrc}, bytes));
    bytes[0] |= std::byte{0x10};  // an extension
    bytes[14] = std::byte{0x03};  // of 0x300 words
    CHECK_FALSE(receiver.unprotect_rtp(bytes));
}
