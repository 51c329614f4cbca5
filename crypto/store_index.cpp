#include "crypto/store_index.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::crypto {

SecretBuffer write_index(const StoreIndex& index) {
    std::size_t size = 4;
    for (const auto& [name, generation] : index) size += 1 + name.size() + 8;
    SecretBuffer written(size);
    ByteWriter writer(written.fill());
    writer.u32(static_cast<std::uint32_t>(index.size()));
    for (const auto& [name, generation] : index) {
        writer.u8(static_cast<std::uint8_t>(name.size())).bytes(as_bytes(name)).u64(generation);
    }
    return written;
}

Result<StoreIndex> parse_index(Bytes bytes) {
    ByteReader reader(bytes);
    const auto count = reader.u32();
    if (!count) return Failure(Error::damaged_store);
    StoreIndex index;
    for (std::uint32_t n = 0; n < *count; ++n) {
        const auto size = reader.u8();
        const auto name = reader.take(size.value_or(0));
        const auto generation = reader.u64();
        if (!size || *size == 0 || !name || !generation) return Failure(Error::damaged_store);
        std::string text(reinterpret_cast<const char*>(name->data()), name->size());
        if (!index.empty() && text <= index.rbegin()->first) return Failure(Error::damaged_store);
        index.emplace_hint(index.end(), std::move(text), *generation);
    }
    if (!reader.empty()) return Failure(Error::damaged_store);
    return index;
}

}  // namespace sotto::crypto
