// The state of one person on one device: an account in its sealed store, the store's key, and settings. One directory,
// which one program at a time uses. docs/storage.md, "The command line's state".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/sotto/expected.h"
#include "apps/sotto/settings.h"
#include "sotto/account.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {

struct ProfileOptions {
    std::string directory;        // empty: $XDG_DATA_HOME/sotto, or ~/.local/share/sotto
    std::string passphrase_file;  // its first line opens the store; empty: $SOTTO_PASSPHRASE, or the key file
};

struct Profile {
    std::string directory;
    transport::net::Descriptor lock;
    std::unique_ptr<Store> store;  // outlives the account
    Settings settings;
    Account account;

    std::string broker_password_file() const { return directory + "/broker-password"; }
};

// Where the state lies or will lie.
Expected<std::string> directory_of(const ProfileOptions& options);
// The state that `sotto register` made. Errors are sentences for the user: nobody is registered, another program uses
// it, damaged, another key, others may read it.
Expected<Profile> open_profile(const ProfileOptions& options);
inline constexpr std::string_view joins_anew =
    "somebody is registered here already: a device that joins needs another --state";

// Makes the state, or opens that of the same name anew to register again; keeps `settings`. With `joined` it is made of
// that account, and there must be none.
Expected<Profile> found_profile(const ProfileOptions& options, const Settings& settings,
                                std::optional<Account> joined = std::nullopt);
// Takes back what found_profile() made.
void abandon(Profile&& profile);
// Only to look beforehand: nothing where nobody is registered.
Expected<std::optional<Settings>> look_at_settings(const ProfileOptions& options);

Expected<void> save_settings(const Profile& profile);
// The wall clock, by which quiet hours go: again while a program runs, for summer time changes and machines sleep.
void refresh_clock(Profile& profile);
// Contacts that were changed.
Expected<void> save_account(Profile& profile);

}  // namespace sotto::app
