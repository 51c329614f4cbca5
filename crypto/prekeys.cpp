#include "crypto/prekeys.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t bundle_version = 1;
constexpr std::size_t bundle_size = 1 + 32 + (4 + 32 + 64) + (4 + 1184 + 64) + 4;
constexpr PrekeyId none = 0;

// What a prekey's signature covers: label || BE32(id) || Encode(key).
Buffer signed_bytes(std::string_view label, PrekeyId id, Bytes encoded_key) {
    Buffer bytes(label.size() + 4 + encoded_key.size());
    ByteWriter(bytes).bytes(as_bytes(label)).u32(id).bytes(encoded_key);
    return bytes;
}

PrekeyId random_id(Random& random) {
    for (;;) {
        std::array<std::byte, 4> bytes{};
        random.fill(bytes);
        const PrekeyId id = *ByteReader(bytes).u32();
        if (id != none) return id;
    }
}

}  // namespace

Buffer encode(const PrekeyBundle& bundle) {
    Buffer bytes(bundle_size + (bundle.one_time ? 32 : 0));
    ByteWriter out(bytes);
    out.u8(bundle_version).bytes(bundle.identity.key);
    out.u32(bundle.signed_prekey.id).bytes(bundle.signed_prekey.key.bytes).bytes(bundle.signed_prekey.signature);
    out.u32(bundle.kem_prekey.id).bytes(bundle.kem_prekey.key.bytes).bytes(bundle.kem_prekey.signature);
    out.u32(bundle.one_time ? bundle.one_time->id : none);
    if (bundle.one_time) out.bytes(bundle.one_time->key.bytes);
    return bytes;
}

Result<PrekeyBundle> parse_bundle(Bytes bytes) {
    ByteReader in(bytes);
    const auto version = in.u8();
    if (!version) return Failure(Error::truncated);
    if (*version != bundle_version) return Failure(Error::unsupported_version);
    if (bytes.size() < bundle_size) return Failure(Error::truncated);
    PrekeyBundle bundle;
    bundle.identity.key = *in.array<32>();
    bundle.signed_prekey.id = *in.u32();
    bundle.signed_prekey.key.bytes = *in.array<32>();
    bundle.signed_prekey.signature = *in.array<64>();
    bundle.kem_prekey.id = *in.u32();
    bundle.kem_prekey.key.bytes = *in.array<1184>();
    bundle.kem_prekey.signature = *in.array<64>();
    const PrekeyId one_time = *in.u32();
    if (one_time != none) {
        const auto key = in.array<32>();
        if (!key) return Failure(Error::truncated);
        bundle.one_time = OneTimePrekey{.id = one_time, .key = {*key}};
    }
    if (!in.empty() || bundle.signed_prekey.id == none || bundle.kem_prekey.id == none) {
        return Failure(Error::malformed);
    }
    return bundle;
}

Result<void> check(const PrekeyBundle& bundle) {
    const auto identity = agreement_key(bundle.identity);
    if (!identity) return Failure(identity.error());
    const auto signed_ok = verify(
        bundle.identity, signed_bytes(labels::signed_prekey, bundle.signed_prekey.id, encode(bundle.signed_prekey.key)),
        bundle.signed_prekey.signature);
    if (!signed_ok) return signed_ok;
    return verify(bundle.identity,
                  signed_bytes(labels::kem_prekey, bundle.kem_prekey.id, encode(bundle.kem_prekey.key)),
                  bundle.kem_prekey.signature);
}

PrekeyStore PrekeyStore::generate(const Identity& identity, std::size_t one_time, Random& random) {
    PrekeyStore store;
    store.identity_ = identity.public_identity();

    store.signed_ = generate_x25519(random);
    const PrekeyId signed_id = random_id(random);
    store.signed_public_ = {
        .id = signed_id,
        .key = store.signed_.shared,
        .signature = identity.sign(signed_bytes(labels::signed_prekey, signed_id, encode(store.signed_.shared)))};

    store.kem_ = generate_kem(random);
    const PrekeyId kem_id = random_id(random);
    store.kem_public_ = {
        .id = kem_id,
        .key = store.kem_.shared,
        .signature = identity.sign(signed_bytes(labels::kem_prekey, kem_id, encode(store.kem_.shared)))};

    while (store.one_time_.size() < one_time) {
        const auto [entry, added] = store.one_time_.try_emplace(random_id(random));
        if (!added) continue;
        entry->second = generate_x25519(random);
        store.unpublished_.push_back(entry->first);
    }
    return store;
}

PrekeyBundle PrekeyStore::publish() {
    PrekeyBundle bundle{
        .identity = identity_, .signed_prekey = signed_public_, .kem_prekey = kem_public_, .one_time = std::nullopt};
    if (!unpublished_.empty()) {
        const PrekeyId id = unpublished_.front();
        unpublished_.pop_front();
        bundle.one_time = OneTimePrekey{.id = id, .key = one_time_.at(id).shared};
    }
    return bundle;
}

const X25519KeyPair* PrekeyStore::signed_prekey(PrekeyId id) const {
    return id == signed_public_.id ? &signed_ : nullptr;
}

const KemKeyPair* PrekeyStore::kem_prekey(PrekeyId id) const { return id == kem_public_.id ? &kem_ : nullptr; }

const X25519KeyPair* PrekeyStore::one_time(PrekeyId id) const {
    const auto found = one_time_.find(id);
    return found == one_time_.end() ? nullptr : &found->second;
}

Result<void> PrekeyStore::check_fresh(const X25519Public& base_key) const {
    if (accepted_.contains(base_key)) return Failure(Error::replayed);
    if (accepted_.size() >= max_sessions) return Failure(Error::key_exhausted);
    return {};
}

void PrekeyStore::spend(const X25519Public& base_key, PrekeyId one_time) {
    accepted_.insert(base_key);
    one_time_.erase(one_time);
}

}  // namespace sotto::crypto
