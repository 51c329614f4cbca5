#include "transport/ice_description.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t v4_family = 4;
constexpr std::uint8_t v6_family = 6;
constexpr unsigned type_shift = 4;  // the candidate's first byte: its type, then its address family
constexpr std::uint32_t max_priority = (1U << 31) - 1;

// RFC 8445 §5.3, RFC 8839 §5.4: ice-char.
bool is_ice_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// Unspecified and multicast addresses belong to nobody. Loopback and private ones may be meant.
bool is_somebodys(const IpAddress& address) {
    const auto first = std::to_integer<unsigned>(address.bytes[0]);
    if (!address.v6) return first != 0 && first < 0xe0;  // RFC 1122 §3.2.1.3, RFC 5771 and what lies above
    return first != 0xff && std::ranges::any_of(address.bytes, [](std::byte b) { return b != std::byte{0}; });
}

bool is_sound(const IceCandidate& candidate) {
    const bool known = candidate.type == CandidateType::host || candidate.type == CandidateType::server_reflexive ||
                       candidate.type == CandidateType::relayed;
    return known && candidate.priority >= 1 && candidate.priority <= max_priority && candidate.port != 0 &&
           is_somebodys(candidate.address);
}

Result<IceCandidate> parse_candidate(ByteReader& in) {
    const auto kind = in.u8();
    if (!kind) return Failure(kind.error());
    IceCandidate candidate;
    candidate.type = static_cast<CandidateType>(*kind >> type_shift);
    const auto family = static_cast<std::uint8_t>(*kind & ((1U << type_shift) - 1));
    if (family != v4_family && family != v6_family) return Failure(Error::malformed);
    candidate.address.v6 = family == v6_family;
    const auto priority = in.u32();
    const auto address = in.take(candidate.address.used().size());
    const auto port = in.u16();
    if (!priority || !address || !port) return Failure(Error::truncated);
    candidate.priority = *priority;
    std::ranges::copy(*address, candidate.address.bytes.begin());
    candidate.port = *port;
    if (!is_sound(candidate)) return Failure(Error::malformed);
    return candidate;
}

template <std::size_t N>
Result<std::array<char, N>> parse_letters(ByteReader& in) {
    const auto bytes = in.take(N);
    if (!bytes) return Failure(bytes.error());
    std::array<char, N> letters{};
    std::ranges::transform(*bytes, letters.begin(), [](std::byte b) { return std::to_integer<char>(b); });
    if (!std::ranges::all_of(letters, is_ice_char)) return Failure(Error::malformed);
    return letters;
}

template <std::size_t N>
Bytes letters(const std::array<char, N>& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

Result<std::size_t> write_ice_description(const IceDescription& description, MutableBytes out) {
    const bool sound = description.count <= max_ice_candidates &&
                       std::ranges::all_of(description.fragment, is_ice_char) &&
                       std::ranges::all_of(description.password, is_ice_char) &&
                       std::ranges::all_of(description.candidates(), is_sound);
    if (!sound) return Failure(Error::invalid_argument);
    ByteWriter writer(out.first(std::min(out.size(), max_ice_description)));
    writer.u8(version)
        .u16(description.generation)
        .bytes(letters(description.fragment))
        .bytes(letters(description.password))
        .u8(static_cast<std::uint8_t>(description.count));
    for (const IceCandidate& candidate : description.candidates()) {
        const unsigned family = candidate.address.v6 ? v6_family : v4_family;
        writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(candidate.type) << type_shift | family))
            .u32(candidate.priority)
            .bytes(candidate.address.used())
            .u16(candidate.port);
    }
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

Result<IceDescription> parse_ice_description(Bytes route) {
    ByteReader in(route);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    if (route.size() > max_ice_description) return Failure(Error::too_large);
    IceDescription description;
    const auto generation = in.u16();
    if (!generation) return Failure(Error::truncated);
    description.generation = *generation;
    const auto fragment = parse_letters<std::tuple_size_v<IceFragment>>(in);
    if (!fragment) return Failure(fragment.error());
    description.fragment = *fragment;
    const auto password = parse_letters<std::tuple_size_v<IcePassword>>(in);
    if (!password) return Failure(password.error());
    description.password = *password;
    const auto count = in.u8();
    if (!count) return Failure(Error::truncated);
    if (*count > max_ice_candidates) return Failure(Error::too_large);
    while (description.count < *count) {
        const auto candidate = parse_candidate(in);
        if (!candidate) return Failure(candidate.error());
        description.room[description.count++] = *candidate;
    }
    if (!in.empty()) return Failure(Error::malformed);
    return description;
}

}  // namespace sotto::transport
