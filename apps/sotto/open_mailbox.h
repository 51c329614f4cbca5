// Which carrier a state's broker names.
#pragma once

#include <memory>

#include "apps/sotto/mailbox.h"
#include "apps/sotto/profile.h"

namespace sotto::app {

// Before anything is made by it: whether a mailbox could be opened by this address.
Expected<void> check_broker(const std::string& broker);
Expected<std::unique_ptr<Mailbox>> open_mailbox(const Profile& profile);

}  // namespace sotto::app
