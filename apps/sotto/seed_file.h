// An identity in a file of its own, for calls by --signal.
#pragma once

#include <string>

#include "apps/sotto/expected.h"
#include "sotto/account.h"

namespace sotto::app {

// The seed lies in a file only its owner may read; made anew where there is none. Without a path, one for this call.
Expected<Account> open_account(const std::string& path);

}  // namespace sotto::app
