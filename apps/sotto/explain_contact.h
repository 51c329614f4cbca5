// In plain words, who of two people may ring the other, as far as this device knows.
#pragma once

#include <string>

#include "apps/sotto/profile.h"

namespace sotto::app {

std::string they_ring_us(const Profile& profile, const std::string& name, const PublicIdentity& person);
// What their device decides by is not known here: only whether it gave us a capability.
std::string we_ring_them(const Profile& profile, const std::string& name, const PublicIdentity& person);
// Whether calls with them may do without a relay.
bool chose_direct(const Profile& profile, const PublicIdentity& person);

}  // namespace sotto::app
