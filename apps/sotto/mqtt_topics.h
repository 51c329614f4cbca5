// Where letters and bundles lie on a broker, and what may come from there: docs/protocol.md, "The MQTT carrier".
#pragma once

#include <string>
#include <string_view>

#include "apps/sotto/mailbox.h"
#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/identity.h"

namespace sotto::app {

inline constexpr std::size_t max_letter = 18934;  // a time and a first message with the longest plaintext
inline constexpr std::size_t max_bundle = 4659;   // without a one-time prekey, then a list of 32 devices

// Mailbox's rule. So no name has a level separator, a wildcard or a placeholder of an ACL.
bool valid_name(std::string_view name);

std::string bundle_topic(const std::string& name, const DeviceKey& device);
std::string bundle_filter(const std::string& name);  // of all devices
std::string inbox_filter(const std::string& name, const DeviceKey& device);
std::string letter_topic(const std::string& to, const DeviceKey& to_device, const std::string& from,
                         const DeviceKey& from_device);

// What the broker brought to the inbox of `name` and `device`.
// Errors: malformed (another topic than inbox_filter() asks for, or an empty letter), too_large.
Result<Letter> parse_letter(Bytes topic, Bytes payload, std::string_view name, const DeviceKey& device);

struct PublishedBundle {
    DeviceKey device;  // as the topic says; the bundle itself proves whose it is
    Buffer bundle;
};
// What it keeps for `name`. Errors: malformed (another topic than bundle_filter() asks for, or nothing), too_large.
Result<PublishedBundle> parse_bundle(Bytes topic, Bytes payload, std::string_view name);

}  // namespace sotto::app
