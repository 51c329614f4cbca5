// An identity in a file of its own, for calls by --signal.
#pragma once

#include <string>

#include "apps/sotto/expected.h"
#include "sotto/account.h"

namespace sotto::app {

// The seed lies in a file only its owner may read; made anew where there is none, whole or not at all, and the same for
// all programs that find none at once. Without a path, one for this call.
Expected<Account> open_account(const std::string& path);

}  // namespace sotto::app
