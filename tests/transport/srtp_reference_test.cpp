// Our SRTP, byte for byte, against a second implementation that first passes the RFCs' own vectors.
#include "support/srtp_reference.h"

#include <utility>
#include <vector>

#include "support/mutate.h"
#include "support/wycheproof.h"
#include "transport/rtp.h"
#include "transport/srtp.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;

namespace {

Buffer hex(std::string_view text) { return *from_hex(text); }

// One stream under a random key, on our side and on the reference's.
struct Stream {
    explicit Stream(std::uint64_t seed) : random(seed) {
        random.fill(master);
        sender = SrtpSender::create(key<Sending>(), ssrc);
        receiver = SrtpReceiver::create(key<Receiving>(), ssrc);
        REQUIRE(sender);
        REQUIRE(receiver);
    }
    template <class Direction>
    SrtpKey<Direction> key() const {
        SrtpKey<Direction> made;
        std::ranges::copy(master, made.fill().begin());
        return made;
    }

    // Any RTP packet: CSRCs, an extension, padding, or none of them, and 0 to 1200 bytes of payload.
    Buffer rtp(std::uint16_t sequence) {
        const std::size_t csrcs = random.chance(0.5) ? 0 : random.below(16);
        const bool extended = random.chance(0.5);
        const std::size_t words = extended ? random.below(5) : 0;
        const std::size_t payload = random.chance(0.1) ? 0 : random.below(1201);
        const bool padded = payload > 0 && random.chance(0.3);
        Buffer packet(12 + 4 * csrcs + (extended ? 4 + 4 * words : 0) + payload);
        random.fill(packet);
        const unsigned flags = 0x80U | (padded ? 0x20U : 0U) | (extended ? 0x10U : 0U);
        ByteWriter(packet).u8(static_cast<std::uint8_t>(flags | csrcs));
        ByteWriter(MutableBytes(packet).subspan(2)).u16(sequence);
        ByteWriter(MutableBytes(packet).subspan(8)).u32(ssrc.value);
        if (extended)
            ByteWriter(MutableBytes(packet).subspan(12 + 4 * csrcs + 2)).u16(static_cast<std::uint16_t>(words));
        if (padded) packet.back() = static_cast<std::byte>(1 + random.below(std::min<std::size_t>(payload, 255)));
        return packet;
    }
    Buffer rtcp() {
        Buffer packet(8 + 4 * random.below(300));
        random.fill(packet);
        const auto words = static_cast<std::uint16_t>(packet.size() / 4 - 1);
        ByteWriter(packet).u8(0x80).u8(200).u16(words).u32(ssrc.value);
        return packet;
    }

    // Both ends of ours go on under another random key.
    void rekey(MediaEpoch epoch) {
        random.fill(master);
        REQUIRE(sender->rekey(key<Sending>(), epoch));
        REQUIRE(receiver->add(key<Receiving>(), epoch));
    }

    Result<Buffer> protect_rtp(Bytes packet) {
        return changed(packet, srtp_overhead,
                       [&](MutableBytes room) { return sender->protect_rtp(room, packet.size()); });
    }
    Result<Buffer> protect_rtcp(Bytes packet) {
        return changed(packet, srtcp_overhead,
                       [&](MutableBytes room) { return sender->protect_rtcp(room, packet.size()); });
    }
    Result<Buffer> unprotect_rtp(Bytes packet) {
        return changed(packet, 0, [&](MutableBytes room) { return receiver->unprotect_rtp(room); });
    }
    Result<Buffer> unprotect_rtcp(Bytes packet) {
        return changed(packet, 0, [&](MutableBytes room) { return receiver->unprotect_rtcp(room); });
    }

    SeededRandom random;
    std::array<std::byte, 44> master{};
    Ssrc ssrc{static_cast<std::uint32_t>(random.below(std::size_t{1} << 32))};
    Result<SrtpSender> sender = Failure(Error::unavailable);
    Result<SrtpReceiver> receiver = Failure(Error::unavailable);

  private:
    static Result<Buffer> changed(Bytes packet, std::size_t overhead, auto&& change) {
        Buffer room(packet.size() + overhead);
        std::ranges::copy(packet, room.begin());
        const Result<std::size_t> size = change(MutableBytes(room));
        if (!size) return Failure(size.error());
        room.resize(*size);
        return room;
    }
};

std::uint32_t rollovers(std::uint64_t index) { return static_cast<std::uint32_t>(index >> 16); }
std::uint16_t sequence_of(std::uint64_t index) { return static_cast<std::uint16_t>(index); }

}  // namespace

TEST_CASE("the reference derives the keys that RFC 3711 appendix B.3 lists") {
    const Buffer key = hex("e1f97a0d3e018be0d64fa32c06de4139");
    const Buffer salt = hex("0ec675ad498afeebb6960b3aabe6");
    CHECK(to_hex(srtp_prf(key, salt, 0, 16)) == "c61e7a93744f39ee10734afe3ff7a087");
    CHECK(to_hex(srtp_prf(key, salt, 2, 14)) == "30cbbc08863d8c85d49db34a9ae1");
    CHECK(to_hex(srtp_prf(key, salt, 1, 94)) ==
          "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef7227098"
          "6371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2");
}

TEST_CASE("the reference derives the AES-256 keys that RFC 6188 section 7.2 lists") {
    const Buffer key = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
    const Buffer salt = hex("3b04803de51ee7c96423ab5b78d2");
    CHECK(to_hex(srtp_prf(key, salt, 0, 32)) == "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
    CHECK(to_hex(srtp_prf(key, salt, 1, 20)) == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
    CHECK(to_hex(srtp_prf(key, salt, 2, 14)) == "fa31791685ca444a9e07c6c64e93");
}

TEST_CASE("the reference protects the packets of RFC 7714 sections 16.2.1, 17.2 and 17.4") {
    const SrtpSessionKeys session{hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
                                  hex("517569642070726f2071756f")};
    const Buffer rtp =
        hex("8040f17b8041f8d35501a0b2"
            "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    CHECK(to_hex(srtp_iv(rtp, 0, session.salt)) == "51753c6580c2726f20718414");
    CHECK(to_hex(srtp_seal(session, rtp, 0)) ==
          "8040f17b8041f8d35501a0b2"
          "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
          "7aa3db36dfffd6b0f9bb7878d7a76c13");

    const std::string clear = "81c8000d4d617273";
    const std::string body = "4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
    const Buffer rtcp = hex(clear + body);
    CHECK(to_hex(srtcp_iv(rtcp, 0x5d4, session.salt)) == "517524055203726f207170bb");
    CHECK(to_hex(srtcp_seal(session, rtcp, 0x5d4)) ==
          clear +
              "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad"
              "1d1eb30c4446839f57ff6f6cb26ac3be"
              "800005d4");
    CHECK(to_hex(srtcp_seal(session, rtcp, 0x5d4, Srtcp::tagged_only)) ==
          clear + body + "91db4afbfeee5a978fab4393ed2615fe" + "000005d4");
}

TEST_CASE("the reference's AES-256-GCM passes Wycheproof's cases of SRTP's sizes") {
    for_each_case("aes_gcm_test.json", [](const Json& group, const Json& test, const std::string& result) {
        const Buffer key = hex_field(test, "key");
        const Buffer nonce = hex_field(test, "iv");
        if (key.size() != 32 || nonce.size() != 12) return Ran::no_concern;
        CHECK(group.at("tagSize") == 128);
        const Buffer listed = joined(hex_field(test, "ct"), hex_field(test, "tag"));
        const Buffer right =
            openssl_seal(EVP_aes_256_gcm(), key, nonce, hex_field(test, "aad"), hex_field(test, "msg"));
        CHECK((listed == right) == (result == "valid"));
        return Ran::yes;
    });
}

TEST_CASE("what we protect equals the reference byte for byte, through two rollovers") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtp_session_keys(stream.master);
        std::uint64_t index = 1 + stream.random.below(0xffff);
        while (rollovers(index) < 3) {
            CAPTURE(index);
            const Buffer packet = stream.rtp(sequence_of(index));
            const auto ours = stream.protect_rtp(packet);
            REQUIRE(ours);
            REQUIRE(*ours == with_mki(srtp_seal(session, packet, rollovers(index)), 0));
            index += 1 + stream.random.below(1000);
        }
    }
}

TEST_CASE("what the reference protects we open, reordered and through two rollovers") {
    for (std::uint64_t seed = 21; seed <= 40; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtp_session_keys(stream.master);
        std::uint64_t index = 1 + stream.random.below(0x8000);  // a receiver begins at rollover 0
        while (rollovers(index) < 3) {
            CAPTURE(index);
            std::vector<std::pair<Buffer, Buffer>> batch;  // plain, protected
            for (int i = 0; i < 4; ++i) {
                const Buffer packet = stream.rtp(sequence_of(index));
                batch.emplace_back(packet, with_mki(srtp_seal(session, packet, rollovers(index)), 0));
                index += 1 + stream.random.below(200);
            }
            while (!batch.empty()) {
                const auto pick = batch.begin() + static_cast<std::ptrdiff_t>(stream.random.below(batch.size()));
                const auto opened = stream.unprotect_rtp(pick->second);
                REQUIRE(opened);
                REQUIRE(*opened == pick->first);
                CHECK(stream.unprotect_rtp(pick->second).error() == Error::replayed);
                batch.erase(pick);
            }
        }
    }
}

TEST_CASE("RTCP that we protect equals the reference byte for byte, each with the next index") {
    for (std::uint64_t seed = 41; seed <= 50; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtcp_session_keys(stream.master);
        // libsrtp2 counts from 1, where RFC 3711 §3.4 would have 0; a packet names its index, so both interoperate.
        for (std::uint32_t index = 1; index <= 300; ++index) {
            const Buffer packet = stream.rtcp();
            const auto ours = stream.protect_rtcp(packet);
            REQUIRE(ours);
            REQUIRE(*ours == with_mki(srtcp_seal(session, packet, index), 0));
        }
    }
}

TEST_CASE("RTCP that the reference protects we open, from index 0 to the last of 31 bits") {
    for (std::uint64_t seed = 51; seed <= 60; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtcp_session_keys(stream.master);
        constexpr std::uint32_t last = 0x7fffffff;
        std::uint32_t index = 0;
        for (bool more = true; more;) {
            CAPTURE(index);
            const Buffer packet = stream.rtcp();
            const Buffer sealed = with_mki(srtcp_seal(session, packet, index), 0);
            const auto opened = stream.unprotect_rtcp(sealed);
            REQUIRE(opened);
            REQUIRE(*opened == packet);
            CHECK(stream.unprotect_rtcp(sealed).error() == Error::replayed);
            more = index != last;
            const std::size_t step = 1 + stream.random.below(stream.random.chance(0.5) ? 10 : 30'000'000);
            index = static_cast<std::uint32_t>(std::min<std::size_t>(last, index + step));
        }
    }
}

TEST_CASE("the reference's packets, once forged, cut or moved to another rollover, are refused and spend nothing") {
    for (std::uint64_t seed = 61; seed <= 80; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtp_session_keys(stream.master);
        for (std::uint16_t sequence = 100; sequence < 110; ++sequence) {
            const Buffer packet = stream.rtp(sequence);
            const Buffer sealed = with_mki(srtp_seal(session, packet, 0), 0);
            for (int i = 0; i < 50; ++i) CHECK_FALSE(stream.unprotect_rtp(flipped(sealed, stream.random)));
            for (std::size_t size = 0; size < sealed.size(); ++size) {
                REQUIRE_FALSE(stream.unprotect_rtp(Bytes(sealed).first(size)));
            }
            CHECK_FALSE(stream.unprotect_rtp(joined(sealed, std::array{std::byte{0}})));
            CHECK(stream.unprotect_rtp(with_mki(srtp_seal(session, packet, 1), 0)).error() == Error::forged);
            CHECK(stream.unprotect_rtp(with_mki(srtp_seal(rtcp_session_keys(stream.master), packet, 0), 0)).error() ==
                  Error::forged);
            const auto opened = stream.unprotect_rtp(sealed);
            REQUIRE(opened);
            CHECK(*opened == packet);
        }
    }
}

TEST_CASE("the reference's RTCP, once forged, cut or left in the clear, is refused and spends nothing") {
    for (std::uint64_t seed = 81; seed <= 100; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        const SrtpSessionKeys session = rtcp_session_keys(stream.master);
        for (std::uint32_t index = 7; index < 17; ++index) {
            const Buffer packet = stream.rtcp();
            const Buffer sealed = with_mki(srtcp_seal(session, packet, index), 0);
            for (int i = 0; i < 50; ++i) CHECK_FALSE(stream.unprotect_rtcp(flipped(sealed, stream.random)));
            for (std::size_t size = 0; size < sealed.size(); ++size) {
                REQUIRE_FALSE(stream.unprotect_rtcp(Bytes(sealed).first(size)));
            }
            CHECK_FALSE(stream.unprotect_rtcp(joined(sealed, std::array{std::byte{0}})));
            // Even the holder of the key cannot make us take RTCP in the clear.
            const Buffer clear = with_mki(srtcp_seal(session, packet, index, Srtcp::tagged_only), 0);
            CHECK(stream.unprotect_rtcp(clear).error() == Error::malformed);
            const auto opened = stream.unprotect_rtcp(sealed);
            REQUIRE(opened);
            CHECK(*opened == packet);
        }
    }
}

TEST_CASE("under new keys we go on as the reference does: both indices, another MKI") {
    for (std::uint64_t seed = 101; seed <= 110; ++seed) {
        CAPTURE(seed);
        Stream stream(seed);
        std::uint64_t index = 1 + stream.random.below(0x8000);
        std::uint32_t control = 1;
        for (std::uint16_t epoch = 0; rollovers(index) < 4; ++epoch) {
            CAPTURE(epoch);
            const auto mki = static_cast<std::uint16_t>(seed << 8 | epoch);
            stream.rekey({.generation = static_cast<std::uint16_t>(seed), .epoch = epoch});
            for (std::size_t left = 1 + stream.random.below(40); left > 0; --left) {
                const Buffer packet = stream.rtp(sequence_of(index));
                const Buffer sealed =
                    with_mki(srtp_seal(rtp_session_keys(stream.master), packet, rollovers(index)), mki);
                REQUIRE(*stream.protect_rtp(packet) == sealed);
                REQUIRE(*stream.unprotect_rtp(sealed) == packet);
                index += 1 + stream.random.below(1000);
            }
            // RFC 3711 §3.4: the SRTCP index is not reset after a re-key.
            const Buffer report = stream.rtcp();
            const Buffer sealed = with_mki(srtcp_seal(rtcp_session_keys(stream.master), report, control++), mki);
            REQUIRE(*stream.protect_rtcp(report) == sealed);
            REQUIRE(*stream.unprotect_rtcp(sealed) == report);
        }
    }
}
