#include "crypto/prekeys.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t bundle_version = 1;
constexpr std::size_t bundle_size = 1 + certificate_size + (4 + 32 + 64) + (4 + 1184 + 64) + 4;
constexpr PrekeyId none = 0;

// What a prekey's signature covers: label || BE32(id) || Encode(key).
Buffer signed_bytes(std::string_view label, PrekeyId id, Bytes encoded_key) {
    Buffer bytes(label.size() + 4 + encoded_key.size());
    ByteWriter(bytes).bytes(as_bytes(label)).u32(id).bytes(encoded_key);
    return bytes;
}

// An id that `taken` does not know.
template <class Taken>
PrekeyId random_id(Random& random, Taken&& taken) {
    for (;;) {
        std::array<std::byte, 4> bytes{};
        random.fill(bytes);
        const PrekeyId id = *ByteReader(bytes).u32();
        if (id != none && !taken(id)) return id;
    }
}

}  // namespace

Buffer encode(const PrekeyBundle& bundle) {
    Buffer bytes(bundle_size + (bundle.one_time ? 32 : 0));
    ByteWriter out(bytes);
    out.u8(bundle_version);
    write(bundle.owner, out);
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
    bundle.owner = *take_certificate(in);
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
    const auto owner = check(bundle.owner);
    if (!owner) return owner;
    const DeviceKey& device = bundle.owner.device;
    const auto signed_ok =
        verify(device, signed_bytes(labels::signed_prekey, bundle.signed_prekey.id, encode(bundle.signed_prekey.key)),
               bundle.signed_prekey.signature);
    if (!signed_ok) return signed_ok;
    return verify(device, signed_bytes(labels::kem_prekey, bundle.kem_prekey.id, encode(bundle.kem_prekey.key)),
                  bundle.kem_prekey.signature);
}

const KemSeed* PrekeyStore::Batch::find_kem(PrekeyId id) const {
    if (id == last_resort_id) return &last_resort;
    const auto found = one_time_kem.find(id);
    return found != one_time_kem.end() ? &found->second : nullptr;
}

bool PrekeyStore::Batch::has_kem(PrekeyId id) const {
    return find_kem(id) != nullptr || std::ranges::find(unpublished, id, &OneTimePair::kem_id) != unpublished.end();
}

PrekeyStore::Batch PrekeyStore::make_batch(std::size_t one_time, const Batch& before, Random& random) {
    Batch batch;
    batch.signed_prekey = generate_x25519(random);
    batch.signed_id = random_id(random, [&](PrekeyId id) { return id == before.signed_id; });
    const auto kem_taken = [&](PrekeyId id) { return batch.has_kem(id) || before.has_kem(id); };
    random.fill(batch.last_resort.fill());
    batch.last_resort_id = random_id(random, kem_taken);
    const auto curve_taken = [&](PrekeyId id) {
        return std::ranges::find(batch.unpublished, id, &OneTimePair::curve_id) != batch.unpublished.end();
    };
    while (batch.unpublished.size() < one_time) {
        OneTimePair pair;
        pair.curve_id = random_id(random, curve_taken);
        random.fill(pair.curve.fill());
        pair.kem_id = random_id(random, kem_taken);
        random.fill(pair.kem.fill());
        batch.unpublished.push_back(std::move(pair));
    }
    return batch;
}

PrekeyStore PrekeyStore::generate(std::size_t one_time, Random& random) {
    PrekeyStore store;
    store.current_ = make_batch(one_time, {}, random);
    return store;
}

void PrekeyStore::renew(std::size_t one_time, Random& random) {
    Batch next = make_batch(one_time, current_, random);
    current_.unpublished.clear();
    former_ = std::move(current_);
    current_ = std::move(next);
}

PrekeyBundle PrekeyStore::bundle_with(PrekeyId kem, const Device& device) const {
    PrekeyBundle bundle{.owner = device.certificate(),
                        .signed_prekey = {.id = current_.signed_id, .key = current_.signed_prekey.shared},
                        .kem_prekey = {.id = kem, .key = kem_pair_of(*current_.find_kem(kem)).shared},
                        .one_time = std::nullopt};
    SignedPrekey& curve = bundle.signed_prekey;
    curve.signature = device.sign(signed_bytes(labels::signed_prekey, curve.id, encode(curve.key)));
    bundle.kem_prekey.signature = device.sign(signed_bytes(labels::kem_prekey, kem, encode(bundle.kem_prekey.key)));
    return bundle;
}

PrekeyBundle PrekeyStore::publish_lasting(const Device& device) const {
    return bundle_with(current_.last_resort_id, device);
}

PrekeyBundle PrekeyStore::publish(const Device& device) {
    if (current_.unpublished.empty()) return publish_lasting(device);
    OneTimePair pair = std::move(current_.unpublished.front());
    current_.unpublished.pop_front();
    const OneTimePrekey one_time{.id = pair.curve_id, .key = public_of(pair.curve)};
    current_.one_time.emplace(pair.curve_id, std::move(pair.curve));
    current_.one_time_kem.emplace(pair.kem_id, std::move(pair.kem));
    PrekeyBundle bundle = bundle_with(pair.kem_id, device);
    bundle.one_time = one_time;
    return bundle;
}

Result<ResponderKeys> PrekeyStore::find(const X25519Public& base_key, const PrekeyIds& ids) const {
    if (current_.accepted.contains(base_key)) return Failure(Error::replayed);
    if (former_ && former_->accepted.contains(base_key)) return Failure(Error::replayed);
    const bool old = former_ && former_->signed_id == ids.signed_prekey;
    const Batch& batch = old ? *former_ : current_;
    if (batch.signed_id != ids.signed_prekey) return Failure(Error::unknown_prekey);
    const KemSeed* const kem = batch.find_kem(ids.kem_prekey);
    const auto one_time = batch.one_time.find(ids.one_time);
    if (kem == nullptr || (ids.one_time != none && one_time == batch.one_time.end())) {
        return Failure(Error::unknown_prekey);
    }
    if (batch.accepted.size() >= max_sessions) return Failure(Error::key_exhausted);
    return ResponderKeys{.signed_prekey = batch.signed_prekey,
                         .kem_prekey = kem_pair_of(*kem),
                         .one_time = ids.one_time != none ? &one_time->second : nullptr};
}

void PrekeyStore::spend(const X25519Public& base_key, const PrekeyIds& ids) {
    Batch& batch = former_ && former_->signed_id == ids.signed_prekey ? *former_ : current_;
    batch.accepted.insert(base_key);
    batch.one_time.erase(ids.one_time);
    batch.one_time_kem.erase(ids.kem_prekey);
}

}  // namespace sotto::crypto
