#include "crypto/sealed_record.h"

#include <sodium.h>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/raw.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(record_nonce_size == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);

Buffer associated_data(std::string_view name, std::uint64_t generation) {
    Buffer associated(1 + name.size() + 8);
    ByteWriter(associated).u8(store_version).bytes(as_bytes(name)).u64(generation);
    return associated;
}

}  // namespace

Result<SealedRecord> parse_record(Bytes record) {
    ByteReader reader(record);
    const auto generation = reader.u64();
    const auto nonce = reader.take(record_nonce_size);
    if (!generation || !nonce || reader.remaining() < tag_size) return Failure(Error::damaged_store);
    return SealedRecord{*generation, *nonce, reader.rest()};
}

Buffer seal_record(const RecordKey& key, std::string_view name, std::uint64_t generation, Bytes plaintext,
                   Random& random) {
    Buffer record(8 + record_nonce_size + plaintext.size() + tag_size);
    const MutableBytes nonce = MutableBytes(record).subspan(8, record_nonce_size);
    ByteWriter(record).u64(generation);
    random.fill(nonce);
    const Buffer associated = associated_data(name, generation);
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw(record.data()) + 8 + record_nonce_size, nullptr,
                                               raw(plaintext.data()), plaintext.size(), raw(associated.data()),
                                               associated.size(), nullptr, raw(nonce.data()), raw(key.reveal().data()));
    return record;
}

Result<OpenedRecord> open_record(const RecordKey& key, std::string_view name, Bytes record) {
    const auto parsed = parse_record(record);
    if (!parsed) return Failure(parsed.error());
    OpenedRecord opened{parsed->generation, SecretBuffer(parsed->sealed.size() - tag_size)};
    const Buffer associated = associated_data(name, parsed->generation);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            raw(opened.plaintext.fill().data()), nullptr, nullptr, raw(parsed->sealed.data()), parsed->sealed.size(),
            raw(associated.data()), associated.size(), raw(parsed->nonce.data()), raw(key.reveal().data())) != 0) {
        return Failure(Error::damaged_store);
    }
    return opened;
}

}  // namespace sotto::crypto
