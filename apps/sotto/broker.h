// A broker of one's own: mosquitto, set up for letters and nothing else. docs/protocol.md, "The MQTT carrier".
#pragma once

#include <string>
#include <vector>

#include "apps/sotto/expected.h"

namespace sotto::app {

struct BrokerSettings {
    std::string folder;              // everything of it; ours and mosquitto's alone
    std::string listen;              // ADDRESS[:PORT]; empty: all addresses, port 8883
    std::vector<std::string> hosts;  // by which people reach it, for the certificate
};

// Writes what mosquitto reads there; people that were added, certificates and what waits stay.
Expected<void> prepare_broker(const BrokerSettings& settings);

// Becomes mosquitto; returns only if it can't.
std::string become_broker(const std::string& folder);

// Lets `name` in, by the password that is returned and kept nowhere; a broker that runs is told. Refused if there is
// one of that name, unless `anew`: then the former password no longer counts.
Expected<std::string> add_person(const std::string& folder, const std::string& name, bool anew);

}  // namespace sotto::app
