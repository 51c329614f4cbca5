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

// Not the id that its predecessor has.
PrekeyId random_id(Random& random, PrekeyId before = none) {
    for (;;) {
        std::array<std::byte, 4> bytes{};
        random.fill(bytes);
        const PrekeyId id = *ByteReader(bytes).u32();
        if (id != none && id != before) return id;
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

PrekeyStore::Batch PrekeyStore::make_batch(const Identity& identity, std::size_t one_time, const Batch& before,
                                           Random& random) {
    Batch batch;
    batch.signed_pair = generate_x25519(random);
    const X25519Public& signed_key = batch.signed_pair.shared;
    const PrekeyId signed_id = random_id(random, before.signed_public.id);
    batch.signed_public = {
        .id = signed_id,
        .key = signed_key,
        .signature = identity.sign(signed_bytes(labels::signed_prekey, signed_id, encode(signed_key)))};

    batch.kem_pair = generate_kem(random);
    const KemPublic& kem_key = batch.kem_pair.shared;
    const PrekeyId kem_id = random_id(random, before.kem_public.id);
    batch.kem_public = {.id = kem_id,
                        .key = kem_key,
                        .signature = identity.sign(signed_bytes(labels::kem_prekey, kem_id, encode(kem_key)))};

    while (batch.one_time.size() < one_time) {
        const auto [entry, added] = batch.one_time.try_emplace(random_id(random));
        if (!added) continue;
        entry->second = generate_x25519(random);
        batch.unpublished.push_back(entry->first);
    }
    return batch;
}

PrekeyStore PrekeyStore::generate(const Identity& identity, std::size_t one_time, Random& random) {
    PrekeyStore store;
    store.identity_ = identity.public_identity();
    store.current_ = make_batch(identity, one_time, {}, random);
    return store;
}

void PrekeyStore::renew(const Identity& identity, std::size_t one_time, Random& random) {
    Batch next = make_batch(identity, one_time, current_, random);
    for (const PrekeyId id : current_.unpublished) current_.one_time.erase(id);
    former_ = std::move(current_);
    current_ = std::move(next);
}

PrekeyBundle PrekeyStore::publish() {
    PrekeyBundle bundle{.identity = identity_,
                        .signed_prekey = current_.signed_public,
                        .kem_prekey = current_.kem_public,
                        .one_time = std::nullopt};
    if (!current_.unpublished.empty()) {
        const PrekeyId id = current_.unpublished.front();
        current_.unpublished.pop_front();
        bundle.one_time = OneTimePrekey{.id = id, .key = current_.one_time.at(id).shared};
    }
    return bundle;
}

Result<ResponderKeys> PrekeyStore::find(const X25519Public& base_key, const PrekeyIds& ids) const {
    if (current_.accepted.contains(base_key)) return Failure(Error::replayed);
    if (former_ && former_->accepted.contains(base_key)) return Failure(Error::replayed);
    const bool old = former_ && former_->signed_public.id == ids.signed_prekey;
    const Batch& batch = old ? *former_ : current_;
    if (batch.signed_public.id != ids.signed_prekey || batch.kem_public.id != ids.kem_prekey) {
        return Failure(Error::unknown_prekey);
    }
    const auto one_time = batch.one_time.find(ids.one_time);
    if (ids.one_time != none && one_time == batch.one_time.end()) return Failure(Error::unknown_prekey);
    if (batch.accepted.size() >= max_sessions) return Failure(Error::key_exhausted);
    return ResponderKeys{.signed_prekey = batch.signed_pair,
                         .kem_prekey = batch.kem_pair,
                         .one_time = ids.one_time != none ? &one_time->second : nullptr};
}

void PrekeyStore::spend(const X25519Public& base_key, const PrekeyIds& ids) {
    Batch& batch = former_ && former_->signed_public.id == ids.signed_prekey ? *former_ : current_;
    batch.accepted.insert(base_key);
    batch.one_time.erase(ids.one_time);
}

}  // namespace sotto::crypto
