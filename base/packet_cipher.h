// AES-256-GCM (NIST SP 800-38D) under one key, as crypto/ has it and transport/srtp uses it: neither room sees the
// other.
#pragma once

#include <array>
#include <memory>

#include "sotto/bytes.h"

namespace sotto {

class PacketCipher {
  public:
    static constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;  // bytes
    using Nonce = std::array<std::byte, nonce_size>;
    using Tag = std::array<std::byte, tag_size>;

    PacketCipher() = default;
    PacketCipher(const PacketCipher&) = delete;
    PacketCipher& operator=(const PacketCipher&) = delete;
    virtual ~PacketCipher() = default;  // wipes the key

    virtual void set_key(std::span<const std::byte, key_size> key) = 0;
    // In place. Whoever calls sees to it that no nonce seals twice under a key.
    virtual void seal(const Nonce& nonce, Bytes associated, MutableBytes text, Tag& tag) const = 0;
    // In place; false for what is forged, and `text` is unspecified then.
    virtual bool open(const Nonce& nonce, Bytes associated, MutableBytes text, const Tag& tag) const = 0;
};

using MakePacketCipher = std::unique_ptr<PacketCipher> (*)();

}  // namespace sotto
