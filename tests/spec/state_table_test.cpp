// The table of call states in docs/protocol.md is the one the code follows.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "call/state.h"

using namespace sotto;
using namespace sotto::call;

namespace {

// The first word of each cell of the row that begins with this word; the row's own name comes first.
std::vector<std::string> row(const std::string& name) {
    std::ifstream page(SOTTO_DOCS "/protocol.md");
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("| " + name + " |")) continue;
        std::vector<std::string> cells;
        std::istringstream in(line.substr(1));
        for (std::string cell; std::getline(in, cell, '|');) {
            std::string word;
            std::istringstream(cell) >> word;
            cells.push_back(word);
        }
        return cells;
    }
    return {};
}

}  // namespace

TEST_CASE("every state and event lead where docs/protocol.md says") {
    const std::pair<CallState, std::string> states[] = {{CallState::calling, "calling"},
                                                        {CallState::ringing, "ringing"},
                                                        {CallState::active, "active"},
                                                        {CallState::ended, "ended"}};
    // Column by column; the peer's route changes no state and has no event.
    const std::pair<std::size_t, CallEvent> columns[] = {
        {1, CallEvent::accept},           {2, CallEvent::hang_up},        {3, CallEvent::peer_answered},
        {5, CallEvent::peer_hung_up},     {6, CallEvent::ring_timed_out}, {7, CallEvent::media_timed_out},
        {8, CallEvent::commitment_broken}};
    static_assert(std::size(states) == call_state_count);
    static_assert(std::size(columns) == call_event_count);
    for (const auto& [state, name] : states) {
        CAPTURE(name);
        const std::vector<std::string> cells = row(name);
        REQUIRE(cells.size() == 9);
        for (const auto& [column, event] : columns) {
            CAPTURE(column);
            const auto next = next_state(state, event);
            const std::string expected = next ? states[static_cast<std::size_t>(*next)].second : "-";
            CHECK(cells[column] == expected);
        }
    }
}
