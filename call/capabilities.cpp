// Stored: version = 1 || BE32(floor) || BE32(n) || n given: identity || BE32(number) || 0 revoked, or 1 and the
// capability || BE32(m) || m held: identity || device || BE32(number) || capability. Keys strictly ascend as bytes; no
// number is 0.
#include "call/capabilities.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::call {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint32_t last_number = std::numeric_limits<std::uint32_t>::max();
// Given between the older copy and its return; nobody takes so many back.
constexpr std::uint32_t leap = 65536;
constexpr std::size_t head_size = 1 + 4 + 4 + 4;
constexpr std::size_t given_size = PublicIdentity::size + 4 + 1 + crypto::Capability::size;
constexpr std::size_t held_size = PublicIdentity::size + DeviceKey::size + 4 + crypto::Capability::size;

// A PublicIdentity or a PeerDevice.
template <class Key>
Result<Key> parse_key(ByteReader& in) {
    const auto identity = in.array<PublicIdentity::size>();
    if (!identity) return Failure(identity.error());
    if constexpr (std::is_same_v<Key, PublicIdentity>) {
        return Key{*identity};
    } else {
        const auto device = in.array<DeviceKey::size>();
        if (!device) return Failure(device.error());
        return Key{PublicIdentity{*identity}, DeviceKey{*device}};
    }
}

Result<crypto::Capability> parse_capability(ByteReader& in) {
    const auto bytes = in.take(crypto::Capability::size);
    if (!bytes) return Failure(bytes.error());
    return crypto::copy_capability(bytes->first<crypto::Capability::size>());
}

// Entries of one kind; `parse` reads what follows the number.
template <class Table>
Result<Table> parse_table(ByteReader& in, auto parse) {
    using Key = typename Table::key_type;
    const auto count = in.u32();
    if (!count) return Failure(count.error());
    if (*count > Capabilities::max_entries) return Failure(Error::malformed);
    Table table;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto key = parse_key<Key>(in);
        if (!key) return Failure(key.error());
        const auto number = in.u32();
        if (!number) return Failure(number.error());
        auto capability = parse(in);
        if (!capability) return Failure(capability.error());
        const bool ascends = table.empty() || table.rbegin()->first < *key;
        if (!ascends || *number == 0) return Failure(Error::malformed);
        table.emplace_hint(table.end(), *key, typename Table::mapped_type{*number, std::move(*capability)});
    }
    return table;
}

}  // namespace

Result<Capabilities::Given> Capabilities::give(const PublicIdentity& person, Random& random) {
    const auto known = given_.find(person);
    if (known == given_.end() && given_.size() >= max_entries) return Failure(Error::too_large);
    const std::uint32_t newest = known == given_.end() ? floor_ : std::max(known->second.number, floor_);
    if (state(person) != CapabilityState::live) {
        if (newest == last_number) return Failure(Error::key_exhausted);
        given_.insert_or_assign(person, Numbered{newest + 1, crypto::draw_capability(random)});
        changed_ = true;
    }
    const Numbered& given = given_.find(person)->second;
    return Given{given.number, given.capability->reveal()};
}

bool Capabilities::revoke(const PublicIdentity& person) {
    const auto known = given_.find(person);
    if (known == given_.end() || !known->second.capability) return false;
    known->second.capability.reset();
    changed_ = true;
    return true;
}

void Capabilities::withdraw_all() {
    for (const auto& [person, given] : given_) floor_ = std::max(floor_, given.number);
    std::erase_if(given_, [](const auto& entry) { return entry.second.capability.has_value(); });
    floor_ += std::min(leap, last_number - floor_);
    changed_ = true;
}

CapabilityState Capabilities::state(const PublicIdentity& person) const {
    const auto known = given_.find(person);
    if (known == given_.end()) return CapabilityState::none;
    return known->second.capability ? CapabilityState::live : CapabilityState::revoked;
}

CapabilityState Capabilities::state(const PublicIdentity& person, std::optional<crypto::CapabilityView> shown) const {
    const CapabilityState before = state(person);
    if (before != CapabilityState::live) return before;
    const bool shows = shown && crypto::same(*given_.find(person)->second.capability, *shown);
    return shows ? CapabilityState::live : CapabilityState::not_shown;
}

std::vector<CapabilityHash> Capabilities::hashes() const {
    std::vector<CapabilityHash> hashes;
    for (const auto& [person, given] : given_) {
        if (given.capability) hashes.push_back(crypto::hash_of(*given.capability));
    }
    std::ranges::sort(hashes);
    return hashes;
}

std::optional<CapabilityHash> Capabilities::hash(const PublicIdentity& person) const {
    const auto given = given_.find(person);
    if (given == given_.end() || !given->second.capability) return std::nullopt;
    return crypto::hash_of(*given->second.capability);
}

Result<bool> Capabilities::take(const PeerDevice& from, std::uint32_t number, crypto::CapabilityView capability) {
    const auto known = held_.find(from);
    if (known == held_.end() && held_.size() >= max_entries) return Failure(Error::too_large);
    if (known != held_.end()) {
        if (number < known->second.number) return Failure(Error::outdated);
        if (number == known->second.number && crypto::same(*known->second.capability, capability)) return false;
    }
    held_.insert_or_assign(from, Numbered{number, crypto::copy_capability(capability)});
    changed_ = true;
    return true;
}

const crypto::Capability* Capabilities::held(const PeerDevice& device) const {
    const auto known = held_.find(device);
    return known == held_.end() ? nullptr : &*known->second.capability;
}

bool Capabilities::holds_any(const PublicIdentity& person) const {
    const auto first = held_.lower_bound(PeerDevice{.identity = person, .device = {}});
    return first != held_.end() && first->first.identity == person;
}

SecretBuffer Capabilities::encode() {
    changed_ = false;
    const auto revoked = static_cast<std::size_t>(
        std::ranges::count_if(given_, [](const auto& entry) { return !entry.second.capability; }));
    SecretBuffer stored(head_size + given_.size() * given_size - revoked * crypto::Capability::size +
                        held_.size() * held_size);
    ByteWriter out(stored.fill());
    out.u8(version).u32(floor_).u32(static_cast<std::uint32_t>(given_.size()));
    for (const auto& [person, given] : given_) {
        out.bytes(person.key).u32(given.number).u8(given.capability ? 1 : 0);
        if (given.capability) out.bytes(given.capability->reveal());
    }
    out.u32(static_cast<std::uint32_t>(held_.size()));
    for (const auto& [device, held] : held_) {
        out.bytes(device.identity.key).bytes(device.device.key).u32(held.number).bytes(held.capability->reveal());
    }
    return stored;
}

Result<Capabilities> Capabilities::restore(Bytes bytes) {
    ByteReader in(bytes);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    const auto floor = in.u32();
    if (!floor) return Failure(Error::truncated);
    using Stored = std::optional<crypto::Capability>;
    auto given = parse_table<Table<PublicIdentity>>(in, [](ByteReader& rest) -> Result<Stored> {
        const auto live = rest.u8();
        if (!live) return Failure(Error::truncated);
        if (*live > 1) return Failure(Error::malformed);
        if (*live == 0) return std::nullopt;
        return parse_capability(rest);
    });
    if (!given) return Failure(given.error());
    auto held =
        parse_table<Table<PeerDevice>>(in, [](ByteReader& rest) -> Result<Stored> { return parse_capability(rest); });
    if (!held) return Failure(held.error());
    if (!in.empty()) return Failure(Error::malformed);
    Capabilities restored;
    restored.floor_ = *floor;
    restored.given_ = std::move(*given);
    restored.held_ = std::move(*held);
    return restored;
}

}  // namespace sotto::call
