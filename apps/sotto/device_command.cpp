// sotto device add: says that another device is ours, too.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/profile.h"

namespace sotto::app {
namespace {

struct DeviceOptions {
    ProfileOptions profile;
    std::string key;
};

int run_device_add(const DeviceOptions& options) {
    const auto bytes = from_hex(options.key);
    if (!bytes || bytes->size() != DeviceKey::size)
        return complain("KEY is 64 hexadecimal digits, of sotto register --join");
    DeviceKey key;
    std::ranges::copy(*bytes, key.key.begin());
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const auto certificate = profile->account.certify(key);
    if (!certificate && certificate.error() == Error::wrong_state) {
        return complain("this device joined itself: only the one that " + profile->settings.name +
                        " registered first lets others in");
    }
    if (!certificate) return complain("the device is refused: " + std::string(describe(certificate.error())));
    std::fprintf(stderr, "Whoever has that device is %s from now on. Give it this:\n", profile->settings.name.c_str());
    std::printf("%s\n", to_hex(*certificate).c_str());
    return 0;
}

}  // namespace

void add_device_command(CLI::App& app, Chosen& chosen) {
    CLI::App& device = *app.add_subcommand("device", "our devices")->require_subcommand(1);
    CLI::App& command = *device.add_subcommand("add", "say that the device with this key is ours, too");
    const auto options = std::make_shared<DeviceOptions>();
    command.add_option("KEY", options->key, "which sotto register --join shows there")->required();
    add_profile_options(command, options->profile);
    command.callback([options, &chosen] { chosen = [options] { return run_device_add(*options); }; });
}

}  // namespace sotto::app
