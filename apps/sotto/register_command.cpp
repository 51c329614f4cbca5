// sotto register: an account, and a name at a broker for it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/mqtt_topics.h"
#include "apps/sotto/open_mailbox.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/post.h"
#include "apps/sotto/private_file.h"

namespace sotto::app {
namespace {

struct RegisterOptions {
    ProfileOptions profile;
    Settings settings;
    std::string password_file;
    bool joins = false;
};

// The state outlives the directory from which it was made.
Expected<void> keep_path(std::string& path) {
    if (path.empty()) return {};
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(path, failed);
    if (failed || !std::filesystem::exists(absolute)) return std::unexpected("there is no file " + path);
    path = absolute.string();
    return {};
}

// The password there, or an empty one.
Expected<SecretBuffer> check(RegisterOptions& options) {
    if (!valid_name(options.settings.name)) {
        return std::unexpected("a name is 1 to 64 of a-z, 0-9, '-', '_' and '.', not " + options.settings.name);
    }
    const auto broker = check_broker(options.settings.broker);
    if (!broker) return std::unexpected(broker.error());
    for (std::string* const path : {&options.settings.broker_ca, &options.settings.relay.relay_ca}) {
        const auto kept = keep_path(*path);
        if (!kept) return std::unexpected(kept.error());
    }
    const auto words = read_relay_files(options.settings.relay);
    if (!words) return std::unexpected(words.error());
    if (!options.settings.relay.relay.empty()) {
        const auto relay = MediaPath::prepare(options.settings.relay);
        if (!relay) return std::unexpected(relay.error());
    }
    return options.password_file.empty() ? Expected<SecretBuffer>() : read_first_line(options.password_file);
}

// A device of somebody's who has one already, which says that this one is theirs. Nothing secret passes between them.
Expected<std::optional<Account>> join(const RegisterOptions& options) {
    if (!options.joins) return std::nullopt;
    const auto before = look_at_settings(options.profile);
    if (!before) return std::unexpected(before.error());
    if (*before) return std::unexpected(std::string(joins_anew));
    DeviceRequest request = DeviceRequest::create();
    std::printf("On a device of %s: sotto device add %s\n", options.settings.name.c_str(),
                to_hex(request.key().key).c_str());
    std::fflush(stdout);
    std::fprintf(stderr, "Give here what it says: ");
    std::string said;
    std::getline(std::cin, said);
    const auto certificate = from_hex(said);
    if (!certificate || certificate->empty()) {
        return std::unexpected("that is no certificate: 256 hexadecimal digits");
    }
    auto joined = Account::join(std::move(request), *certificate);
    if (!joined) return std::unexpected("the certificate is refused: " + std::string(describe(joined.error())));
    return std::move(*joined);
}

// A certificate that somebody else slipped in makes this device theirs: contacts who meet it first would take them for
// us.
Expected<void> compare_with_broker(const Profile& profile, Mailbox& mailbox) {
    const std::string& name = profile.settings.name;
    const auto published = mailbox.bundles_of(name, std::chrono::seconds(5));
    if (!published) return std::unexpected(published.error());
    bool others = false;
    for (const Buffer& one : *published) {
        const auto owner = bundle_owner(parts_of(one).bundle);
        if (owner && *owner == profile.account.identity()) return {};
        others |= owner.has_value();
    }
    if (!others) return {};  // nobody to compare with
    return std::unexpected("the certificate is of somebody else than the broker knows as " + name);
}

// A new account that no broker takes is nobody's.
Expected<void> try_broker(Profile& profile, bool is_new, bool joined) {
    if (!is_new) return {};
    Expected<void> tried;
    {
        const auto mailbox = open_mailbox(profile);
        if (!mailbox) tried = std::unexpected(mailbox.error());
        if (mailbox && joined) tried = compare_with_broker(profile, **mailbox);
    }
    if (tried) return {};
    abandon(std::move(profile));
    return std::unexpected(tried.error() + ". Nothing was kept");
}

int run_register(RegisterOptions options) {
    const auto password = check(options);
    if (!password) return complain(password.error());
    const auto before = look_at_settings(options.profile);
    auto joined = join(options);
    if (!joined) return complain(joined.error());
    auto profile = found_profile(options.profile, options.settings, std::move(*joined));
    if (!profile) return complain(profile.error());
    if (password->size() > 0) {
        const auto kept = write_private_file(profile->broker_password_file(), password->reveal());
        if (!kept) return complain(kept.error());
    }
    const auto tried = try_broker(*profile, before && !*before, options.joins);
    if (!tried) return complain(tried.error());
    const auto news = [](const nlohmann::json&, const std::string& words) {
        std::fprintf(stderr, "%s\n", words.c_str());
    };
    const auto post = Post::open(*profile, news);
    if (!post && exit_of(*profile) == exit_given_up) return complain(post.error(), exit_given_up);
    if (!post) {
        std::fprintf(stderr, "The account is kept in %s: register again when the broker can be reached.\n",
                     profile->directory.c_str());
        return complain(post.error());
    }
    std::printf("%s is registered at %s. The state is in %s: whoever has it is %s.\nIdentity %s\n",
                profile->settings.name.c_str(), profile->settings.broker.c_str(), profile->directory.c_str(),
                profile->settings.name.c_str(), to_hex(profile->account.identity().key).c_str());
    std::printf("Nobody may ring yet. To let somebody: sotto contacts add NAME\n");
    return 0;
}

}  // namespace

void add_register_command(CLI::App& app, Chosen& chosen) {
    CLI::App& command =
        *app.add_subcommand("register", "make an account of that name, and tell a broker how to reach it");
    const auto options = std::make_shared<RegisterOptions>();
    command.add_option("NAME", options->settings.name, "by which others call us; the broker's user name")->required();
    command.add_option("--broker", options->settings.broker, "carries signals: mqtts://HOST[:PORT]")->required();
    command.add_option("--broker-ca", options->settings.broker_ca, "certificates that vouch for it; else the system's");
    command.add_option("--broker-password-file", options->password_file, "its first line is the password there");
    command.add_flag("--join", options->joins, "as one more device of somebody who has this name: sotto device add");
    add_relay_options(command, options->settings.relay);
    add_profile_options(command, options->profile);
    command.callback([options, &chosen] { chosen = [options] { return run_register(*options); }; });
}

}  // namespace sotto::app
