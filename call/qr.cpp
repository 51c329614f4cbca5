// version = 1 || who shows it || whom it takes the other for; docs/protocol.md, "Safety number".
#include "base/byte_reader.h"
#include "sotto/verification.h"

namespace sotto {
namespace {

constexpr std::byte version{1};

}  // namespace

Buffer qr_payload(const PublicIdentity& ours, const PublicIdentity& theirs) {
    Buffer payload{version};
    payload.insert(payload.end(), ours.key.begin(), ours.key.end());
    payload.insert(payload.end(), theirs.key.begin(), theirs.key.end());
    return payload;
}

Result<void> check_qr(Bytes scanned, const PublicIdentity& ours, const PublicIdentity& theirs) {
    ByteReader in(scanned);
    const auto seen_version = in.take(1);
    if (!seen_version) return Failure(Error::truncated);
    if (seen_version->front() != version) return Failure(Error::unsupported_version);
    const auto shown_by = in.array<PublicIdentity::size>();
    const auto meant = in.array<PublicIdentity::size>();
    if (!meant) return Failure(Error::truncated);
    if (!in.empty()) return Failure(Error::malformed);
    if (*shown_by != theirs.key || *meant != ours.key) return Failure(Error::wrong_identity);
    return {};
}

}  // namespace sotto
