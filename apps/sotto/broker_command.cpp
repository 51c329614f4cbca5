#include "apps/sotto/broker_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace sotto::app {

BrokerCommand::BrokerCommand(CLI::App& app)
    : broker_(app.add_subcommand("broker", "run mosquitto as a carrier for people's signals")),
      add_(broker_->add_subcommand("add", "let somebody in, by a password that is printed once")) {
    const char* const folder = "the broker's folder; made if missing";
    broker_->add_option("--dir", settings_.folder, folder);
    broker_->add_option("--listen", settings_.listen, "ADDRESS[:PORT]; else all addresses, port 8883");
    broker_->add_option("--host", settings_.hosts, "a name or address by which people reach it, for its certificate");
    add_->add_option("name", name_, "1 to 64 of a-z, 0-9, '-', '_' and '.'")->required();
    add_->add_option("--dir", settings_.folder, folder);
    add_->add_flag("--anew", anew_, "another password for somebody who has one");
}

bool BrokerCommand::parsed() const { return broker_->parsed(); }

Expected<void> BrokerCommand::run() {
    if (settings_.folder.empty()) return std::unexpected("give the broker's folder: --dir");
    if (add_->parsed()) {
        const auto password = add_person(settings_.folder, name_, anew_);
        if (!password) return std::unexpected(password.error());
        std::printf("%s\n", password->c_str());
        return {};
    }
    const auto prepared = prepare_broker(settings_);
    if (!prepared) return prepared;
    std::printf("people trust this broker by %s/ca.pem\n", settings_.folder.c_str());
    std::fflush(stdout);
    return std::unexpected(become_broker(settings_.folder));
}

}  // namespace sotto::app
