#include "call/device_book.h"

#include <algorithm>
#include <limits>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::call {
namespace {

constexpr std::uint8_t book_version = 2;
constexpr std::size_t head_size = 32 + 1 + 4 + 1;  // of each identity
constexpr std::size_t device_size = 32 + 4;

}  // namespace

Result<void> DeviceBook::admit(const PeerDevice& peer) const {
    const auto found = identities_.find(peer.identity);
    if (found == identities_.end() || found->second.devices.contains(peer.device)) return {};
    if (found->second.listed) return Failure(Error::revoked);
    if (found->second.devices.size() >= crypto::max_devices) return Failure(Error::too_large);
    return {};
}

std::optional<AccountEvent> DeviceBook::add(const PeerDevice& peer) {
    if (!admit(peer)) return std::nullopt;
    const auto [known, first] = identities_.try_emplace(peer.identity);
    const bool added = known->second.devices.try_emplace(peer.device, 0).second;
    if (first || !added) return std::nullopt;
    return DeviceAdded{peer.identity, peer.device};
}

Result<std::vector<AccountEvent>> DeviceBook::learn(const crypto::DeviceList& list) {
    const auto [entry, first] = identities_.try_emplace(list.identity);
    Known& known = entry->second;
    if (known.listed && list.sequence <= known.sequence) return Failure(Error::outdated);
    std::map<DeviceKey, std::uint32_t> devices;
    std::vector<AccountEvent> events;
    for (const auto& listed : list.devices) {
        const auto before = known.devices.find(listed.device);
        devices[listed.device] = before == known.devices.end() ? 0 : before->second;
    }
    for (const auto& [device, number] : devices) {
        if (!first && !known.devices.contains(device)) events.emplace_back(DeviceAdded{list.identity, device});
    }
    for (const auto& [device, number] : known.devices) {
        if (!devices.contains(device)) events.emplace_back(DeviceRemoved{list.identity, device});
    }
    known = {.listed = true, .sequence = list.sequence, .devices = std::move(devices)};
    return events;
}

Result<void> DeviceBook::certify(const PeerDevice& ours) {
    Known& known = identities_[ours.identity];
    if (!known.devices.contains(ours.device) && known.devices.size() >= crypto::max_devices) {
        return Failure(Error::too_large);
    }
    known.listed = true;
    known.devices.try_emplace(ours.device, 0);
    return {};
}

Result<void> DeviceBook::remove(const PeerDevice& ours) {
    const auto known = identities_.find(ours.identity);
    if (known == identities_.end() || known->second.devices.erase(ours.device) == 0) {
        return Failure(Error::invalid_argument);
    }
    return {};
}

Result<std::uint32_t> DeviceBook::next_sequence(const PublicIdentity& ours) {
    Known& known = identities_[ours];
    if (known.sequence == std::numeric_limits<std::uint32_t>::max()) return Failure(Error::key_exhausted);
    return ++known.sequence;
}

std::vector<DeviceKey> DeviceBook::devices(const PublicIdentity& identity) const {
    const auto known = identities_.find(identity);
    if (known == identities_.end()) return {};
    std::vector<DeviceKey> devices;
    for (const auto& [device, number] : known->second.devices) devices.push_back(device);
    return devices;
}

std::uint32_t DeviceBook::last_offer(const PeerDevice& peer) const {
    const auto known = identities_.find(peer.identity);
    if (known == identities_.end()) return 0;
    const auto device = known->second.devices.find(peer.device);
    return device == known->second.devices.end() ? 0 : device->second;
}

std::uint32_t DeviceBook::next_offer(const PeerDevice& peer) const {
    return std::min(last_offer(peer), std::numeric_limits<std::uint32_t>::max() - 1) + 1;
}

void DeviceBook::offered(const PeerDevice& peer) {
    const auto known = identities_.find(peer.identity);
    if (known == identities_.end() || !known->second.devices.contains(peer.device)) return;
    known->second.devices[peer.device] = next_offer(peer);
}

void DeviceBook::skip_offers() {
    constexpr std::uint32_t since = 65536;
    for (auto& [identity, known] : identities_) {
        for (auto& [device, number] : known.devices) {
            number = std::min(number, std::numeric_limits<std::uint32_t>::max() - since) + since;
        }
    }
}

// Version, BE32(count), then each identity: its key, whether it is listed, BE32(sequence), number of devices, then each
// device: its key, BE32(number of the last offer). Keys ascend.
Buffer DeviceBook::encode() const {
    std::size_t size = 1 + 4;
    for (const auto& [identity, known] : identities_) size += head_size + known.devices.size() * device_size;
    Buffer bytes(size);
    ByteWriter out(bytes);
    out.u8(book_version).u32(static_cast<std::uint32_t>(identities_.size()));
    for (const auto& [identity, known] : identities_) {
        out.bytes(identity.key).u8(known.listed ? 1 : 0).u32(known.sequence);
        out.u8(static_cast<std::uint8_t>(known.devices.size()));
        for (const auto& [device, number] : known.devices) out.bytes(device.key).u32(number);
    }
    return bytes;
}

Result<DeviceBook> DeviceBook::restore(Bytes bytes) {
    ByteReader in(bytes);
    const auto version = in.u8();
    if (!version) return Failure(Error::truncated);
    if (*version != book_version) return Failure(Error::unsupported_version);
    const auto count = in.u32();
    if (!count) return Failure(count.error());
    DeviceBook book;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto head = in.take(head_size);
        if (!head) return Failure(head.error());
        ByteReader fields(*head);
        const PublicIdentity identity{*fields.array<32>()};
        const std::uint8_t listed = *fields.u8();
        const std::uint32_t sequence = *fields.u32();
        const std::uint8_t devices = *fields.u8();
        const bool ascends = book.identities_.empty() || identity > book.identities_.rbegin()->first;
        if (!ascends || listed > 1 || devices > crypto::max_devices) return Failure(Error::malformed);
        Known known{.listed = listed == 1, .sequence = sequence, .devices = {}};
        for (std::uint8_t n = 0; n < devices; ++n) {
            const auto device = in.array<32>();
            const auto number = in.u32();
            if (!device || !number) return Failure(Error::truncated);
            if (n > 0 && DeviceKey{*device} <= known.devices.rbegin()->first) return Failure(Error::malformed);
            known.devices.emplace_hint(known.devices.end(), DeviceKey{*device}, *number);
        }
        book.identities_.emplace_hint(book.identities_.end(), identity, std::move(known));
    }
    if (!in.empty()) return Failure(Error::malformed);
    return book;
}

}  // namespace sotto::call
