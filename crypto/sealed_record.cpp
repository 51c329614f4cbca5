#include "crypto/sealed_record.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t generation_size = 8;

Buffer associated_data(std::string_view name, std::uint64_t generation) {
    Buffer associated(1 + name.size() + 8);
    ByteWriter(associated).u8(store_version).bytes(as_bytes(name)).u64(generation);
    return associated;
}

}  // namespace

Result<SealedRecord> parse_record(Bytes record) {
    ByteReader reader(record);
    const auto generation = reader.u64();
    if (!generation || reader.remaining() < xaead_overhead) return Failure(Error::damaged_store);
    const Bytes nonce = *reader.take(xaead_nonce_size);
    return SealedRecord{*generation, nonce, reader.rest()};
}

Buffer seal_record(const RecordKey& key, std::string_view name, std::uint64_t generation, Bytes plaintext,
                   Random& random) {
    Buffer record(generation_size + plaintext.size() + xaead_overhead);
    ByteWriter(record).u64(generation);
    xaead_seal(key.reveal(), plaintext, associated_data(name, generation), random,
               MutableBytes(record).subspan(generation_size));
    return record;
}

Result<OpenedRecord> open_record(const RecordKey& key, std::string_view name, Bytes record) {
    const auto parsed = parse_record(record);
    if (!parsed) return Failure(parsed.error());
    const Bytes sealed = record.subspan(generation_size);
    OpenedRecord opened{parsed->generation, SecretBuffer(sealed.size() - xaead_overhead)};
    const auto done =
        xaead_open(key.reveal(), sealed, associated_data(name, parsed->generation), opened.plaintext.fill());
    if (!done) return Failure(Error::damaged_store);
    return opened;
}

}  // namespace sotto::crypto
