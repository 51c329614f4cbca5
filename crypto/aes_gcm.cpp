#include "crypto/aes_gcm.h"

#include <sodium.h>

#include "crypto/locked.h"
#include "crypto/primitives.h"
#include "crypto/raw.h"
#include "sotto/secret.h"

namespace sotto::crypto {
namespace {

static_assert(PacketCipher::key_size == crypto_aead_aes256gcm_KEYBYTES);
static_assert(PacketCipher::nonce_size == crypto_aead_aes256gcm_NPUBBYTES);
static_assert(PacketCipher::tag_size == crypto_aead_aes256gcm_ABYTES);

// The key's schedule and powers of the hash key are computed once.
class AesGcm final : public PacketCipher, public Locked {
  public:
    ~AesGcm() override { wipe(&state_, sizeof(state_)); }

    void set_key(std::span<const std::byte, key_size> key) override {
        crypto_aead_aes256gcm_beforenm(&state_, raw(key.data()));
    }
    void seal(const Nonce& nonce, Bytes associated, MutableBytes text, Tag& tag) const override {
        std::byte none{};  // libsodium wants a place even for nothing
        std::byte* const at = text.empty() ? &none : text.data();
        crypto_aead_aes256gcm_encrypt_detached_afternm(raw(at), raw(tag.data()), nullptr, raw(at), text.size(),
                                                       raw(associated.data()), associated.size(), nullptr,
                                                       raw(nonce.data()), &state_);
    }
    bool open(const Nonce& nonce, Bytes associated, MutableBytes text, const Tag& tag) const override {
        std::byte none{};
        std::byte* const at = text.empty() ? &none : text.data();
        return crypto_aead_aes256gcm_decrypt_detached_afternm(raw(at), nullptr, raw(at), text.size(), raw(tag.data()),
                                                              raw(associated.data()), associated.size(),
                                                              raw(nonce.data()), &state_) == 0;
    }

  private:
    crypto_aead_aes256gcm_state state_{};
};
static_assert(alignof(AesGcm) <= locked_alignment);

}  // namespace

MakePacketCipher packet_cipher() {
    prepare_primitives();
    if (crypto_aead_aes256gcm_is_available() == 0) return nullptr;
    return [] { return std::unique_ptr<PacketCipher>(std::make_unique<AesGcm>()); };
}

}  // namespace sotto::crypto
