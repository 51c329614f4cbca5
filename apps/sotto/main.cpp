// sotto: private calls from the command line.
#include <CLI/CLI.hpp>

#include "apps/sotto/commands.h"
#include "apps/sotto/interrupt.h"
#include "apps/sotto/outcome.h"

namespace sotto::app {
namespace {

int run(int argc, char** argv) {
    CLI::App app("Private audio and video calls, end-to-end encrypted", "sotto");
    app.require_subcommand(1);
    Chosen chosen;
    add_register_command(app, chosen);
    add_device_command(app, chosen);
    add_unregister_command(app, chosen);
    add_contacts_commands(app, chosen);
    add_policy_command(app, chosen);
    add_call_commands(app, chosen);
    add_report_command(app, chosen);
    add_broker_command(app, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    listen_for_interrupt();
    return chosen();
}

}  // namespace
}  // namespace sotto::app

int main(int argc, char** argv) {
    try {
        return sotto::app::run(argc, argv);
    } catch (const std::exception& error) {  // of the JSON and option libraries, or no memory
        return sotto::app::complain(error.what());
    }
}
