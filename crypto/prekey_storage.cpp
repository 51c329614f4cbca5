// A prekey store as bytes, for the device to keep: version, whether there is a former batch, the batches. A batch is
// its signed and last-resort prekeys, then four counted lists; ids and base keys ascend, so that one store has one
// encoding.
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/prekeys.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t store_version = 1;
constexpr std::size_t curve_size = 4 + X25519Private::size;
constexpr std::size_t kem_size = 4 + KemSeed::size;

// An id other than 0.
Result<PrekeyId> take_id(ByteReader& in) {
    const auto id = in.u32();
    if (id && *id == 0) return Failure(Error::malformed);
    return id;
}

template <class Key>
Result<PrekeyId> take_key(ByteReader& in, Key& key) {
    const auto id = take_id(in);
    if (!id) return id;
    const auto bytes = in.take(Key::size);
    if (!bytes) return Failure(bytes.error());
    std::ranges::copy(*bytes, key.fill().begin());
    return id;
}

// How many entries of `size` bytes follow.
Result<std::size_t> take_count(ByteReader& in, std::size_t size) {
    const auto count = in.u32();
    if (!count) return Failure(count.error());
    if (*count > in.remaining() / size) return Failure(Error::truncated);
    return *count;
}

template <class Shelf>
Result<void> take_keys(ByteReader& in, Shelf& keys) {
    using Key = typename Shelf::mapped_type;
    const auto count = take_count(in, 4 + Key::size);
    if (!count) return Failure(count.error());
    for (std::size_t i = 0; i < *count; ++i) {
        Key key;
        const auto id = take_key(in, key);
        if (!id) return Failure(id.error());
        if (!keys.empty() && *id <= keys.rbegin()->first) return Failure(Error::malformed);
        keys.emplace_hint(keys.end(), *id, std::move(key));
    }
    return {};
}

}  // namespace

std::size_t PrekeyStore::saved_size(const Batch& batch) {
    return curve_size + kem_size + 4 * 4 + batch.unpublished.size() * (curve_size + kem_size) +
           batch.one_time.size() * curve_size + batch.one_time_kem.size() * kem_size + batch.accepted.size() * 32;
}

void PrekeyStore::save(const Batch& batch, ByteWriter& out) {
    const auto count = [&](const auto& entries) { out.u32(static_cast<std::uint32_t>(entries.size())); };
    out.u32(batch.signed_id).bytes(batch.signed_prekey.secret.reveal());
    out.u32(batch.last_resort_id).bytes(batch.last_resort.reveal());
    count(batch.unpublished);
    for (const OneTimePair& pair : batch.unpublished) {
        out.u32(pair.curve_id).bytes(pair.curve.reveal()).u32(pair.kem_id).bytes(pair.kem.reveal());
    }
    count(batch.one_time);
    for (const auto& [id, key] : batch.one_time) out.u32(id).bytes(key.reveal());
    count(batch.one_time_kem);
    for (const auto& [id, seed] : batch.one_time_kem) out.u32(id).bytes(seed.reveal());
    count(batch.accepted);
    for (const X25519Public& base_key : batch.accepted) out.bytes(base_key.bytes);
}

SecretBuffer PrekeyStore::save() const {
    SecretBuffer saved(2 + saved_size(current_) + (former_ ? saved_size(*former_) : 0));
    ByteWriter out(saved.fill());
    out.u8(store_version).u8(former_ ? 1 : 0);
    save(current_, out);
    if (former_) save(*former_, out);
    return saved;
}

Result<PrekeyStore::Batch> PrekeyStore::restore_batch(ByteReader& in) {
    Batch batch;
    const auto signed_id = take_key(in, batch.signed_prekey.secret);
    if (!signed_id) return Failure(signed_id.error());
    batch.signed_id = *signed_id;
    batch.signed_prekey.shared = public_of(batch.signed_prekey.secret);
    const auto last_resort_id = take_key(in, batch.last_resort);
    if (!last_resort_id) return Failure(last_resort_id.error());
    batch.last_resort_id = *last_resort_id;

    const auto unpublished = take_count(in, curve_size + kem_size);
    if (!unpublished) return Failure(unpublished.error());
    for (std::size_t i = 0; i < *unpublished; ++i) {
        OneTimePair pair;
        const auto curve = take_key(in, pair.curve);
        const auto kem = take_key(in, pair.kem);
        if (!curve || !kem) return Failure(curve ? kem.error() : curve.error());
        pair.curve_id = *curve;
        pair.kem_id = *kem;
        batch.unpublished.push_back(std::move(pair));
    }
    const auto one_time = take_keys(in, batch.one_time);
    if (!one_time) return Failure(one_time.error());
    const auto one_time_kem = take_keys(in, batch.one_time_kem);
    if (!one_time_kem) return Failure(one_time_kem.error());

    const auto accepted = take_count(in, 32);
    if (!accepted) return Failure(accepted.error());
    if (*accepted > max_sessions) return Failure(Error::malformed);
    for (std::size_t i = 0; i < *accepted; ++i) {
        const X25519Public base_key{*in.array<32>()};
        if (i > 0 && base_key <= *batch.accepted.rbegin()) return Failure(Error::malformed);
        batch.accepted.insert(batch.accepted.end(), base_key);
    }
    return batch;
}

Result<PrekeyStore> PrekeyStore::restore(Bytes saved) {
    ByteReader in(saved);
    const auto version = in.u8();
    if (!version) return Failure(version.error());
    if (*version != store_version) return Failure(Error::unsupported_version);
    const auto has_former = in.u8();
    if (!has_former) return Failure(has_former.error());
    if (*has_former > 1) return Failure(Error::malformed);

    PrekeyStore store;
    auto current = restore_batch(in);
    if (!current) return Failure(current.error());
    store.current_ = std::move(*current);
    if (*has_former == 1) {
        auto former = restore_batch(in);
        if (!former) return Failure(former.error());
        // What had not been handed out at the renewal was wiped by it.
        if (!former->unpublished.empty() || former->signed_id == store.current_.signed_id) {
            return Failure(Error::malformed);
        }
        store.former_ = std::move(*former);
    }
    if (!in.empty() || !store.kem_ids_differ()) return Failure(Error::malformed);
    return store;
}

// docs/protocol.md, section 3: no two KEM prekeys in use share an id.
bool PrekeyStore::kem_ids_differ() const {
    std::set<PrekeyId> seen;
    std::size_t held = 0;
    for (const Batch* const batch : {&current_, former_ ? &*former_ : nullptr}) {
        if (batch == nullptr) continue;
        held += 1 + batch->unpublished.size() + batch->one_time_kem.size();
        seen.insert(batch->last_resort_id);
        for (const OneTimePair& pair : batch->unpublished) seen.insert(pair.kem_id);
        for (const auto& [id, seed] : batch->one_time_kem) seen.insert(id);
    }
    return seen.size() == held;
}

}  // namespace sotto::crypto
