#include "crypto/store_marks.h"

#include <sodium.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/labels.h"
#include "crypto/primitives.h"
#include "sotto/identity.h"

namespace sotto::crypto {
namespace {

// No text begins another, so that no mark of one kind is one of the other.
constexpr std::string_view header_text = "Sotto store", anchor_text = "Sotto anchor";
constexpr std::size_t mark_size = 32;

// Of everything before it: the first half of an HMAC-SHA-512 (RFC 2104 §5).
std::array<std::byte, mark_size> mark(const StoreKeys& keys, Bytes before) {
    std::array<std::byte, 64> whole;
    hmac_sha512(keys.marks.reveal(), before, whole);
    std::array<std::byte, mark_size> half;
    std::ranges::copy(std::span(whole).first<mark_size>(), half.begin());
    return half;
}

bool is_marked(const StoreKeys& keys, Bytes bytes) {
    if (bytes.size() < mark_size) return false;
    const auto expected = mark(keys, bytes.first(bytes.size() - mark_size));
    return sodium_memcmp(bytes.last(mark_size).data(), expected.data(), mark_size) == 0;
}

}  // namespace

StoreKeys derive_store_keys(const StoreKey& key, const StoreId& store) {
    const Prk prk = hkdf_extract(store, {key.reveal()});
    StoreKeys keys;
    hkdf_expand(prk.reveal(), as_bytes(labels::store_records), keys.records.fill());
    hkdf_expand(prk.reveal(), as_bytes(labels::store_names), keys.names.fill());
    hkdf_expand(prk.reveal(), as_bytes(labels::store_marks), keys.marks.fill());
    return keys;
}

std::string hidden_name(const StoreKeys& keys, std::string_view name) {
    std::array<std::byte, 64> whole;
    hmac_sha512(keys.names.reveal(), as_bytes(name), whole);
    return to_hex(Bytes(whole).first(32));
}

Buffer write_header(const StoreKeys& keys, const StoreId& store) {
    Buffer header(header_text.size() + 1 + store.size() + mark_size);
    ByteWriter writer(header);
    writer.bytes(as_bytes(header_text)).u8(store_version).bytes(store);
    writer.bytes(mark(keys, writer.written()));
    return header;
}

Result<StoreId> parse_header(Bytes header) {
    ByteReader reader(header);
    const auto text = reader.take(header_text.size());
    if (!text || !std::ranges::equal(*text, as_bytes(header_text))) return Failure(Error::foreign_store);
    const auto version = reader.u8();
    if (version && *version != store_version) return Failure(Error::unsupported_version);
    const auto store = reader.array<std::tuple_size_v<StoreId>>();
    if (!version || !store || reader.remaining() != mark_size) return Failure(Error::foreign_store);
    return *store;
}

bool proves(Bytes header, const StoreKeys& keys) { return is_marked(keys, header); }

Buffer write_anchor(const StoreKeys& keys, const StoreId& store, std::uint64_t generation) {
    Buffer anchor(anchor_text.size() + store.size() + 8 + mark_size);
    ByteWriter writer(anchor);
    writer.bytes(as_bytes(anchor_text)).bytes(store).u64(generation);
    writer.bytes(mark(keys, writer.written()));
    return anchor;
}

std::optional<std::uint64_t> parse_anchor(Bytes anchor, const StoreKeys& keys, const StoreId& store) {
    if (!is_marked(keys, anchor)) return std::nullopt;
    ByteReader reader(anchor);
    const auto text = reader.take(anchor_text.size());
    const auto id = reader.array<std::tuple_size_v<StoreId>>();
    const auto generation = reader.u64();
    if (!text || !std::ranges::equal(*text, as_bytes(anchor_text)) || !id || *id != store || !generation) {
        return std::nullopt;
    }
    return *generation;
}

}  // namespace sotto::crypto
