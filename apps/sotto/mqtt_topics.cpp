#include "apps/sotto/mqtt_topics.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace sotto::app {
namespace {

constexpr std::string_view bundles = "sotto/1/bundle/";
constexpr std::string_view inboxes = "sotto/1/inbox/";
constexpr std::size_t max_name = 64;

bool may_stand_in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// Exactly N levels, or nothing.
template <std::size_t N>
std::optional<std::array<std::string_view, N>> levels(std::string_view text) {
    std::array<std::string_view, N> found;
    for (std::size_t i = 0; i < N; ++i) {
        const auto end = text.find('/');
        const bool last = i + 1 == N;
        if ((end == std::string_view::npos) != last) return std::nullopt;
        found[i] = text.substr(0, end);
        if (!last) text.remove_prefix(end + 1);
    }
    return found;
}

// One spelling for each key: lower case.
std::optional<DeviceKey> device_of(std::string_view hex) {
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != DeviceKey::size || to_hex(*bytes) != hex) return std::nullopt;
    DeviceKey device;
    std::ranges::copy(*bytes, device.key.begin());
    return device;
}

// The levels behind the prefix.
template <std::size_t N>
std::optional<std::array<std::string_view, N>> behind(std::string_view prefix, Bytes topic) {
    const std::string_view text(reinterpret_cast<const char*>(topic.data()), topic.size());
    if (!text.starts_with(prefix)) return std::nullopt;
    return levels<N>(text.substr(prefix.size()));
}

}  // namespace

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= max_name && std::ranges::all_of(name, may_stand_in_name);
}

std::string bundle_topic(const std::string& name, const DeviceKey& device) {
    return std::string(bundles) + name + "/" + to_hex(device.key);
}

std::string bundle_filter(const std::string& name) { return std::string(bundles) + name + "/+"; }

std::string inbox_filter(const std::string& name, const DeviceKey& device) {
    return std::string(inboxes) + name + "/" + to_hex(device.key) + "/+/+";
}

std::string letter_topic(const std::string& to, const DeviceKey& to_device, const std::string& from,
                         const DeviceKey& from_device) {
    return std::string(inboxes) + to + "/" + to_hex(to_device.key) + "/" + from + "/" + to_hex(from_device.key);
}

Result<Letter> parse_letter(Bytes topic, Bytes payload, std::string_view name, const DeviceKey& device) {
    const auto parts = behind<4>(inboxes, topic);
    if (!parts || payload.empty()) return Failure(Error::malformed);
    const auto& [to, to_device, from, from_device] = *parts;
    const auto sender = device_of(from_device);
    if (to != name || device_of(to_device) != device || !valid_name(from) || !sender) return Failure(Error::malformed);
    if (payload.size() > max_letter) return Failure(Error::too_large);
    return Letter{.from = std::string(from), .device = *sender, .signal = to_buffer(payload)};
}

Result<PublishedBundle> parse_bundle(Bytes topic, Bytes payload, std::string_view name) {
    const auto parts = behind<2>(bundles, topic);
    if (!parts || payload.empty()) return Failure(Error::malformed);
    const auto device = device_of((*parts)[1]);
    if ((*parts)[0] != name || !device) return Failure(Error::malformed);
    if (payload.size() > max_bundle) return Failure(Error::too_large);
    return PublishedBundle{.device = *device, .bundle = to_buffer(payload)};
}

}  // namespace sotto::app
