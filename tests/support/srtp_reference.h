// SRTP and SRTCP with AEAD_AES_256_GCM (RFC 7714) written from the RFCs over OpenSSL: the second implementation that
// ours, libsrtp2 inside, is compared with. It reads like the RFCs and knows nothing of replay, windows or speed.
#pragma once

#include <array>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "support/openssl_aead.h"

namespace sotto::test {

// PRF_n(k_master, x) of RFC 3711 §4.3.3: the AES counter-mode key stream whose first block counts from x * 2^16, where
// x is the master salt with the label in its byte 7 (§4.3.1; our key derivation rate is 0). AES-128, or AES-256 by
// RFC 6188 §3, as the key's size says. RFC 7714 §11 names this PRF for 96-bit salts, which are multiplied by 2^16.
inline Buffer srtp_prf(Bytes master_key, Bytes master_salt, std::uint8_t label, std::size_t size) {
    std::array<unsigned char, 16> block{};
    for (std::size_t i = 0; i < master_salt.size(); ++i) block[i] = std::to_integer<unsigned char>(master_salt[i]);
    block[7] ^= label;
    const EVP_CIPHER* const cipher = master_key.size() == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free);
    const Buffer zeros(size);
    Buffer stream(size);
    int written = 0;
    EVP_EncryptInit_ex(context.get(), cipher, nullptr, reinterpret_cast<const unsigned char*>(master_key.data()),
                       block.data());
    EVP_EncryptUpdate(context.get(), reinterpret_cast<unsigned char*>(stream.data()), &written,
                      reinterpret_cast<const unsigned char*>(zeros.data()), static_cast<int>(size));
    return stream;
}

struct SrtpSessionKeys {
    Buffer key;   // 32 bytes
    Buffer salt;  // 12 bytes
};

// RFC 3711 §4.3.1 and §4.3.2. The labels of authentication keys, 1 and 4, have no use with an AEAD. SRTCP's labels
// stand where SRTP's do; NIST's validation files for SP 800-135 read the RFC differently, two bytes later.
inline SrtpSessionKeys rtp_session_keys(Bytes master) {
    return {srtp_prf(master.first(32), master.subspan(32), 0, 32),
            srtp_prf(master.first(32), master.subspan(32), 2, 12)};
}
inline SrtpSessionKeys rtcp_session_keys(Bytes master) {
    return {srtp_prf(master.first(32), master.subspan(32), 3, 32),
            srtp_prf(master.first(32), master.subspan(32), 5, 12)};
}

inline std::array<std::byte, 12> xored(std::array<std::byte, 12> fields, Bytes salt) {
    for (std::size_t i = 0; i < fields.size(); ++i) fields[i] ^= salt[i];
    return fields;
}

// RFC 7714 §8.1: 00 00 || SSRC || ROC || SEQ, xor the salt.
inline std::array<std::byte, 12> srtp_iv(Bytes packet, std::uint32_t roc, Bytes salt) {
    std::array<std::byte, 12> fields{};
    ByteWriter(fields).u16(0).bytes(packet.subspan(8, 4)).u32(roc).bytes(packet.subspan(2, 2));
    return xored(fields, salt);
}

// RFC 7714 §9.1: 00 00 || SSRC || 00 00 || 0 and the 31-bit index, xor the salt.
inline std::array<std::byte, 12> srtcp_iv(Bytes packet, std::uint32_t index, Bytes salt) {
    std::array<std::byte, 12> fields{};
    ByteWriter(fields).u16(0).bytes(packet.subspan(4, 4)).u16(0).u32(index);
    return xored(fields, salt);
}

// RFC 3550 §5.1 and §5.3.1: fixed header, CSRCs, extension.
inline std::size_t rtp_header_length(Bytes packet) {
    const unsigned first = std::to_integer<unsigned>(packet[0]);
    const std::size_t fixed = 12 + 4 * (first & 0x0f);
    if ((first & 0x10) == 0) return fixed;
    ByteReader words(packet.subspan(fixed + 2));
    return fixed + 4 + 4 * std::size_t{*words.u16()};
}

inline Buffer joined(Bytes first, Bytes second) {
    Buffer both(first.size() + second.size());
    ByteWriter(both).bytes(first).bytes(second);
    return both;
}

// RFC 3711 §3.1: the MKI ends the packet; with an AEAD nothing comes after it (RFC 7714 §8.2).
inline Buffer with_mki(Bytes secured, std::uint16_t mki) {
    std::array<std::byte, 2> bytes{};
    ByteWriter(bytes).u16(mki);
    return joined(secured, bytes);
}

// RFC 7714 §8: the header, with CSRCs and extension, is associated data; the rest, with any padding, is
// plaintext.
inline Buffer srtp_seal(const SrtpSessionKeys& session, Bytes packet, std::uint32_t roc) {
    const std::size_t header = rtp_header_length(packet);
    const auto iv = srtp_iv(packet, roc, session.salt);
    return joined(packet.first(header),
                  openssl_seal(EVP_aes_256_gcm(), session.key, iv, packet.first(header), packet.subspan(header)));
}

enum class Srtcp { encrypted, tagged_only };

// RFC 7714 §9.2 and §9.3: the first 8 bytes, or when only tagged the whole packet, and the word of E and index are
// associated data; the word comes after the tag.
inline Buffer srtcp_seal(const SrtpSessionKeys& session, Bytes packet, std::uint32_t index,
                         Srtcp form = Srtcp::encrypted) {
    const std::size_t clear = form == Srtcp::encrypted ? 8 : packet.size();
    std::array<std::byte, 4> word{};
    ByteWriter(word).u32(index | (form == Srtcp::encrypted ? 0x80000000 : 0));
    const auto iv = srtcp_iv(packet, index, session.salt);
    const Buffer sealed =
        openssl_seal(EVP_aes_256_gcm(), session.key, iv, joined(packet.first(clear), word), packet.subspan(clear));
    return joined(joined(packet.first(clear), sealed), word);
}

}  // namespace sotto::test
