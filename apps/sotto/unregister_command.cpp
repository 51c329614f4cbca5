// sotto unregister: nobody finds this device under its name any more.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/open_mailbox.h"
#include "apps/sotto/outcome.h"

namespace sotto::app {
namespace {

struct UnregisterOptions {
    ProfileOptions profile;
    bool remove_state = false;
};

// First at the broker: a state that was removed could take nothing back there.
Expected<void> leave_broker(Profile& profile) {
    if (profile.settings.broker.empty()) return {};  // left before
    const auto mailbox = open_mailbox(profile);
    if (!mailbox) return std::unexpected(mailbox.error());
    const auto withdrawn = (*mailbox)->withdraw();
    if (!withdrawn) return withdrawn;
    profile.settings.broker.clear();
    return save_settings(profile);
}

int run_unregister(const UnregisterOptions& options) {
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const std::string name = profile->settings.name, directory = profile->directory;
    const auto left = leave_broker(*profile);
    if (!left) return complain(left.error() + ". Nothing was removed");
    if (options.remove_state) abandon(std::move(*profile));
    std::printf("Nobody finds %s on this device any more. Who has called before may have the old bundle still.\n",
                name.c_str());
    if (options.remove_state) {
        std::printf("The account, its contacts and its keys are gone from %s\n", directory.c_str());
    } else {
        std::printf("The account is kept in %s: sotto register %s brings it back\n", directory.c_str(), name.c_str());
    }
    return 0;
}

}  // namespace

void add_unregister_command(CLI::App& app, Chosen& chosen) {
    CLI::App& command = *app.add_subcommand("unregister", "take back at the broker what register told it");
    const auto options = std::make_shared<UnregisterOptions>();
    command.add_flag("--remove-state", options->remove_state, "remove the account here, too, with its contacts");
    add_profile_options(command, options->profile);
    command.callback([options, &chosen] { chosen = [options] { return run_unregister(*options); }; });
}

}  // namespace sotto::app
