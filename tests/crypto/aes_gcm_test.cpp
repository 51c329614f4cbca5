#include "crypto/aes_gcm.h"

#include "crypto/locked.h"
#include "support/wycheproof.h"

using namespace sotto;
using namespace sotto::test;

namespace {

using Key = std::array<std::byte, PacketCipher::key_size>;

template <class Field>
std::optional<Field> field(const Json& test, const char* name) {
    return fitted<Field>(test, name, [](Field& bytes) -> MutableBytes { return bytes; });
}

MakePacketCipher maker() {
    const MakePacketCipher make = crypto::packet_cipher();
    if (make == nullptr) MESSAGE("skipped: this processor has no instructions for AES-GCM");
    return make;
}

}  // namespace

TEST_CASE("media's AES-256-GCM gives Wycheproof's bytes in place, and refuses its modified tags") {
    const MakePacketCipher make = maker();
    if (make == nullptr) return;
    for_each_case("aes_gcm_test.json", [&](const Json&, const Json& test, const std::string& result) {
        const auto key = field<Key>(test, "key");
        const auto nonce = field<PacketCipher::Nonce>(test, "iv");
        const auto listed_tag = field<PacketCipher::Tag>(test, "tag");
        if (!key || !nonce || !listed_tag) return Ran::no_concern;
        const auto cipher = make();
        cipher->set_key(*key);
        const Buffer associated = hex_field(test, "aad"), plaintext = hex_field(test, "msg");
        const Buffer listed = hex_field(test, "ct");

        Buffer text = plaintext;
        PacketCipher::Tag tag{};
        cipher->seal(*nonce, associated, text, tag);
        CHECK((text == listed && tag == *listed_tag) == (result == "valid"));

        Buffer sealed = listed;
        const bool opened = cipher->open(*nonce, associated, sealed, *listed_tag);
        CHECK(opened == (result == "valid"));
        if (opened) CHECK(sealed == plaintext);
        return Ran::yes;
    });
}

TEST_CASE("a packet cipher lies in locked memory and takes another key") {
    const MakePacketCipher make = maker();
    if (make == nullptr) return;
    const std::size_t before = crypto::locked_memory().in_use;
    const auto cipher = make();
    CHECK(crypto::locked_memory().in_use > before);

    const auto seal = [&](std::byte fill) {
        Key key;
        key.fill(fill);
        cipher->set_key(key);
        Buffer text(40);
        PacketCipher::Tag tag{};
        cipher->seal({}, {}, text, tag);
        return text;
    };
    const Buffer first = seal(std::byte{1});
    CHECK(seal(std::byte{2}) != first);
    CHECK(seal(std::byte{1}) == first);
}
