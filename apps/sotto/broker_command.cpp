// sotto broker: mosquitto as a carrier, and sotto broker add: people on it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/sotto/broker.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"

namespace sotto::app {
namespace {

struct BrokerOptions {
    BrokerSettings settings;
    std::string name;
    bool anew = false;
};

int run_add(const BrokerOptions& options) {
    if (options.settings.folder.empty()) return complain("give the broker's folder: --dir");
    const auto password = add_person(options.settings.folder, options.name, options.anew);
    if (!password) return complain(password.error());
    std::printf("%s\n", password->c_str());
    return 0;
}

int run_broker(const BrokerOptions& options) {
    if (options.settings.folder.empty()) return complain("give the broker's folder: --dir");
    const auto prepared = prepare_broker(options.settings);
    if (!prepared) return complain(prepared.error());
    std::printf("people trust this broker by %s/ca.pem\n", options.settings.folder.c_str());
    std::fflush(stdout);
    return complain(become_broker(options.settings.folder));
}

}  // namespace

void add_broker_command(CLI::App& app, Chosen& chosen) {
    const auto options = std::make_shared<BrokerOptions>();
    CLI::App& broker = *app.add_subcommand("broker", "run mosquitto as a carrier for people's signals");
    CLI::App& add = *broker.add_subcommand("add", "let somebody in, by a password that is printed once");
    const char* const folder = "the broker's folder; made if missing";
    broker.add_option("--dir", options->settings.folder, folder);
    broker.add_option("--listen", options->settings.listen, "ADDRESS[:PORT]; else all addresses, port 8883");
    broker.add_option("--host", options->settings.hosts,
                      "a name or address by which people reach it, for its certificate");
    add.add_option("name", options->name, "1 to 64 of a-z, 0-9, '-', '_' and '.'")->required();
    add.add_option("--dir", options->settings.folder, folder);
    add.add_flag("--anew", options->anew, "another password for somebody who has one");
    broker.callback([options, &add, &chosen] {
        chosen = [options, adds = add.parsed()] { return adds ? run_add(*options) : run_broker(*options); };
    });
}

}  // namespace sotto::app
