// The table of call states in docs/protocol.md is the one the code follows.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "call/state.h"

using namespace sotto;
using namespace sotto::call;

namespace {

// The cells of the row that begins with this name, without the blanks around them; the name comes first.
std::vector<std::string> row(const std::string& name) {
    std::ifstream page(SOTTO_DOCS "/protocol.md");
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("| " + name + " |")) continue;
        std::vector<std::string> cells;
        std::istringstream in(line.substr(1));
        for (std::string cell; std::getline(in, cell, '|');) {
            cell.erase(cell.find_last_not_of(' ') + 1);
            cells.push_back(cell.substr(std::min(cell.find_first_not_of(' '), cell.size())));
        }
        return cells;
    }
    return {};
}

constexpr std::array<std::string_view, call_state_count> states{"calling", "alerting",     "ringing",
                                                                "active",  "reconnecting", "ended"};
constexpr std::array<std::string_view, call_event_count> events{"accept",
                                                                "hang up",
                                                                "busy",
                                                                "peer rings",
                                                                "peer answered",
                                                                "peer hung up",
                                                                "offer before ours",
                                                                "offer after ours",
                                                                "peer dials anew",
                                                                "false reveal",
                                                                "60 s of ringing",
                                                                "3 s of silence",
                                                                "media come",
                                                                "20 s of silence"};
constexpr std::array<std::string_view, 7> actions{"", "told", "answer", "media", "yield", "told", "hang-up"};

// As the page writes it: the next state if it is another, and what is done.
std::string cell(CallState state, CallEvent event) {
    const auto step = transition(state, event);
    if (!step) return "-";
    const std::string next(step->next == state ? "same" : states[static_cast<std::size_t>(step->next)]);
    const std::string_view action = actions[static_cast<std::size_t>(step->action)];
    return action.empty() ? next : next + ", " + std::string(action);
}

}  // namespace

TEST_CASE("every event in every state does what docs/protocol.md says") {
    for (std::size_t event = 0; event < call_event_count; ++event) {
        const std::string name(events[event]);
        CAPTURE(name);
        const std::vector<std::string> cells = row(name);
        REQUIRE(cells.size() == call_state_count + 1);
        for (std::size_t state = 0; state < call_state_count; ++state) {
            CAPTURE(std::string(states[state]));
            CHECK(cells[state + 1] == cell(static_cast<CallState>(state), static_cast<CallEvent>(event)));
        }
    }
}
