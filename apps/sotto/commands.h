// What `sotto` can do. Each adds its command, which, if it is the one that the user gave, sets `chosen`.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace sotto::app {

// Gives the exit code.
using Chosen = std::function<int()>;

void add_register_command(CLI::App& app, Chosen& chosen);
void add_device_command(CLI::App& app, Chosen& chosen);
void add_unregister_command(CLI::App& app, Chosen& chosen);
void add_contacts_commands(CLI::App& app, Chosen& chosen);
void add_policy_command(CLI::App& app, Chosen& chosen);
void add_call_commands(CLI::App& app, Chosen& chosen);
void add_report_command(CLI::App& app, Chosen& chosen);
void add_broker_command(CLI::App& app, Chosen& chosen);

}  // namespace sotto::app
