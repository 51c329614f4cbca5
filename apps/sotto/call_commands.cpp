// sotto call and sotto answer: with people by the state, or between two programs by --signal.
#include <CLI/CLI.hpp>

#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/people_call.h"
#include "apps/sotto/stream_call.h"

namespace sotto::app {
namespace {

int run_call(CallOptions options) {
    return options.name.empty() ? call_by_stream(std::move(options)) : call_by_name(std::move(options));
}

int run_answer(CallOptions options) {
    const auto policy = policy_of(options);
    if (!policy) return complain(policy.error());
    return options.carrier.empty() ? answer_people(std::move(options)) : answer_by_stream(std::move(options));
}

}  // namespace

void add_call_commands(CLI::App& app, Chosen& chosen) {
    CLI::App& call = *app.add_subcommand("call", "call somebody by name, or whoever waits at --signal");
    const auto calling = std::make_shared<CallOptions>();
    call.add_option("NAME", calling->name, "as the broker knows them");
    add_call_options(call, *calling);
    call.callback([calling, &chosen] { chosen = [calling] { return run_call(*calling); }; });

    CLI::App& answer = *app.add_subcommand("answer", "wait for one call: of people who may ring, or at --signal");
    const auto answering = std::make_shared<CallOptions>();
    add_call_options(answer, *answering);
    add_answer_options(answer, *answering);
    answer.callback([answering, &chosen] { chosen = [answering] { return run_answer(*answering); }; });
}

}  // namespace sotto::app
