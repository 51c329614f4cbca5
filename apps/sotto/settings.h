// What the user told `sotto register` and later commands, apart from the account: settings.json of the state.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "apps/sotto/expected.h"
#include "apps/sotto/media_path.h"

namespace sotto::app {

struct Settings {
    std::string name;                // ours, as the carrier knows it
    std::string broker;              // mqtts://HOST[:PORT]; "dir:PATH" in tests; empty: unregistered
    std::string broker_ca;           // a file of certificates that vouch for it; empty: the system's
    PathSettings relay;              // of it only what names a relay
    std::set<std::string> direct;    // identities, in hexadecimal, with whom calls may do without a relay
    std::int64_t prekeys_drawn = 0;  // seconds since 1970
    bool lists_devices = false;  // a device was given up: from then on the carrier has a list of those that are left
};

std::string to_text(const Settings& settings);
// An error says which field is no good.
Expected<Settings> parse_settings(std::string_view text);

}  // namespace sotto::app
