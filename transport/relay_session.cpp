#include "transport/relay_session.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t most_text = 1024;
constexpr std::size_t most_sessions = 255;

bool is_kept(const RelaySession& session) {
    return session.secret.size() > 0 && session.secret.size() <= RelaySession::max_secret &&
           session.relay.size() <= most_text && session.way.size() <= most_text;
}

std::size_t size_of(const RelaySession& session) {
    return 2 + session.relay.size() + 2 + session.way.size() + 8 + 8 + 2 + session.secret.size();
}

void write(ByteWriter& out, Bytes bytes) { out.u16(static_cast<std::uint16_t>(bytes.size())).bytes(bytes); }

Result<std::string> parse_text(ByteReader& in) {
    const auto size = in.u16();
    if (!size) return Failure(size.error());
    const auto bytes = in.take(*size);
    if (!bytes) return Failure(bytes.error());
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

Result<RelaySession> parse_one(ByteReader& in) {
    RelaySession session;
    auto relay = parse_text(in);
    if (!relay) return Failure(relay.error());
    auto way = parse_text(in);
    if (!way) return Failure(way.error());
    const auto begun = in.u64();
    const auto until = in.u64();
    const auto size = in.u16();
    if (!begun || !until || !size) return Failure(Error::truncated);
    if (*size > RelaySession::max_secret) return Failure(Error::too_large);
    const auto secret = in.take(*size);
    if (!secret) return Failure(secret.error());
    session.relay = std::move(*relay);
    session.way = std::move(*way);
    session.begun = std::chrono::seconds(static_cast<std::int64_t>(*begun));
    session.until = std::chrono::seconds(static_cast<std::int64_t>(*until));
    if (session.begun.count() < 0 || session.until < session.begun) return Failure(Error::malformed);
    session.secret = SecretBuffer(secret->size());
    std::ranges::copy(*secret, session.secret.fill().begin());
    return session;
}

}  // namespace

SecretBuffer encode_relay_sessions(std::span<const RelaySession* const> sessions) {
    std::vector<const RelaySession*> kept(sessions.begin(), sessions.end());
    std::erase_if(kept, [](const RelaySession* session) { return !is_kept(*session); });
    if (kept.empty() || kept.size() > most_sessions) return {};
    std::size_t size = 2;
    for (const RelaySession* session : kept) size += size_of(*session);
    SecretBuffer encoded(size);
    ByteWriter out(encoded.fill());
    out.u8(version).u8(static_cast<std::uint8_t>(kept.size()));
    for (const RelaySession* session : kept) {
        write(out, as_bytes(session->relay));
        write(out, as_bytes(session->way));
        out.u64(static_cast<std::uint64_t>(session->begun.count()));
        out.u64(static_cast<std::uint64_t>(session->until.count()));
        write(out, session->secret.reveal());
    }
    return encoded;
}

Result<std::vector<RelaySession>> parse_relay_sessions(Bytes kept) {
    std::vector<RelaySession> sessions;
    if (kept.empty()) return sessions;
    ByteReader in(kept);
    const auto seen = in.u8();
    if (*seen != version) return Failure(Error::unsupported_version);
    const auto count = in.u8();
    if (!count) return Failure(count.error());
    while (sessions.size() < *count) {
        auto session = parse_one(in);
        if (!session) return Failure(session.error());
        sessions.push_back(std::move(*session));
    }
    if (!in.empty()) return Failure(Error::malformed);
    return sessions;
}

}  // namespace sotto::transport
