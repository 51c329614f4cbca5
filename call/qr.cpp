// version = 1 || who shows it || whom it takes the other for; docs/protocol.md, "Safety number".
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "sotto/verification.h"

namespace sotto {
namespace {

constexpr std::uint8_t version = 1;

}  // namespace

Buffer qr_payload(const PublicIdentity& ours, const PublicIdentity& theirs) {
    Buffer payload(1 + 2 * PublicIdentity::size);
    ByteWriter(payload).u8(version).bytes(ours.key).bytes(theirs.key);
    return payload;
}

Result<void> check_qr(Bytes scanned, const PublicIdentity& ours, const PublicIdentity& theirs) {
    ByteReader in(scanned);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    const auto shown_by = in.array<PublicIdentity::size>();
    const auto meant = in.array<PublicIdentity::size>();
    if (!meant) return Failure(Error::truncated);
    if (!in.empty()) return Failure(Error::malformed);
    if (*shown_by != theirs.key || *meant != ours.key) return Failure(Error::wrong_identity);
    return {};
}

}  // namespace sotto
