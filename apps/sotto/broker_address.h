// Where a broker is, and the password for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/sotto/expected.h"
#include "sotto/secret.h"

namespace sotto::app {

struct BrokerAddress {
    std::string host;  // a name or a numeric address
    std::uint16_t port = 0;
    bool tls = true;
};

// "mqtts://HOST[:8883]", or "mqtt://HOST[:1883]" for a broker on this machine; an IPv6 address in brackets.
Expected<BrokerAddress> parse_broker(std::string_view uri);

// Its numeric addresses, those of mqtt:// all of this machine. Looks names up, which may take the system seconds.
Expected<std::vector<std::string>> resolve(const BrokerAddress& broker);

// The first line of a file.
Expected<SecretBuffer> read_password(const std::string& path);

}  // namespace sotto::app
