// A certificate for a broker, by an authority of its own that people are given as a file.
#pragma once

#include <string>
#include <vector>

#include "apps/sotto/expected.h"

namespace sotto::app {

// In `folder`: ca.pem and ca.key, made once for ten years, and broker.pem and broker.key for these hosts (names or
// numeric addresses), made anew when a host is missing in them or they end within 30 days. Where broker.pem lies
// without ca.key it is somebody else's to renew, and stays.
Expected<void> keep_certificates(const std::string& folder, const std::vector<std::string>& hosts);

}  // namespace sotto::app
