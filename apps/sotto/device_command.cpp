// sotto device: which devices are ours, one more of them, one less.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/post.h"
#include "apps/sotto/profile.h"

namespace sotto::app {
namespace {

struct DeviceOptions {
    ProfileOptions profile;
    std::string key;
};

std::optional<DeviceKey> key_of(const std::string& hex) {
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != DeviceKey::size) return std::nullopt;
    DeviceKey key;
    std::ranges::copy(*bytes, key.key.begin());
    return key;
}

// Opening the post publishes our list, where there is one.
Expected<void> tell_broker(Profile& profile) {
    const auto say = [](const nlohmann::json&, const std::string& words) {
        std::fprintf(stderr, "%s\n", words.c_str());
    };
    const auto post = Post::open(profile, say);
    if (post) return {};
    return std::unexpected("the broker is not told: " + post.error() + ". sotto answer tells it");
}

std::string joined_itself(const std::string& name, const std::string& rest) {
    return "this device joined itself: only the one that " + name + " registered first " + rest;
}

int run_device_add(const DeviceOptions& options) {
    const auto key = key_of(options.key);
    if (!key) return complain("KEY is 64 hexadecimal digits, of sotto register --join");
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const std::string name = profile->settings.name;
    const auto certificate = profile->account.certify(*key);
    if (!certificate && certificate.error() == Error::wrong_state) {
        return complain(joined_itself(name, "lets others in"));
    }
    if (!certificate) return complain("the device is refused: " + std::string(describe(certificate.error())));
    std::fprintf(stderr, "Whoever has that device is %s from now on. Give it this:\n", name.c_str());
    std::printf("%s\n", to_hex(*certificate).c_str());
    if (!profile->settings.lists_devices) return 0;
    const auto told = tell_broker(*profile);
    return told ? 0 : complain(told.error());
}

int run_device_remove(const DeviceOptions& options) {
    const auto key = key_of(options.key);
    if (!key) return complain("KEY is 64 hexadecimal digits, of sotto device list");
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const std::string name = profile->settings.name;
    Account& account = profile->account;
    if (!account.seed()) return complain(joined_itself(name, "gives others up"));
    if (*key == account.device()) return complain("that is this device: sotto unregister gives it up");
    if (!std::ranges::binary_search(account.devices(), *key)) return complain("that is no device of " + name + "'s");
    profile->settings.lists_devices = true;  // first: a list that names all does no harm
    const auto saved = save_settings(*profile);
    if (!saved) return complain(saved.error());
    const auto removed = account.remove_device(*key);
    if (!removed) return complain("the device is not given up: " + std::string(describe(removed.error())));
    const auto told = tell_broker(*profile);
    if (!told) return complain("The device is " + name + "'s no more, but " + told.error());
    std::printf("That device is %s's no more. Whoever calls %s from now on does not ring it.\n", name.c_str(),
                name.c_str());
    std::printf(
        "Who has it can still write in %s's name at the broker: sotto broker add %s --anew, there, ends that.\n",
        name.c_str(), name.c_str());
    return 0;
}

int run_device_list(const DeviceOptions& options) {
    const auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    const Account& account = profile->account;
    if (!account.seed()) return complain(joined_itself(profile->settings.name, "knows them all"));
    for (const DeviceKey& key : account.devices()) {
        std::printf("%s%s\n", to_hex(key.key).c_str(), key == account.device() ? " this one" : "");
    }
    return 0;
}

void add_verb(CLI::App& device, Chosen& chosen, const char* verb, const char* does, const char* whose_key,
              int (*run)(const DeviceOptions&)) {
    CLI::App& command = *device.add_subcommand(verb, does);
    const auto options = std::make_shared<DeviceOptions>();
    if (whose_key != nullptr) command.add_option("KEY", options->key, whose_key)->required();
    add_profile_options(command, options->profile);
    command.callback([options, run, &chosen] { chosen = [options, run] { return run(*options); }; });
}

}  // namespace

void add_device_command(CLI::App& app, Chosen& chosen) {
    CLI::App& device = *app.add_subcommand("device", "our devices")->require_subcommand(1);
    add_verb(device, chosen, "add", "say that the device with this key is ours, too",
             "which sotto register --join shows there", run_device_add);
    add_verb(device, chosen, "remove", "say that it is ours no more: whoever calls us rings it no longer",
             "of sotto device list", run_device_remove);
    add_verb(device, chosen, "list", "the keys of our devices", nullptr, run_device_list);
}

}  // namespace sotto::app
