// What happens in a call as lines of JSON: for machines (--json) and for the report (--log).
#pragma once

#include <cstdio>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/sotto/expected.h"
#include "sotto/call.h"

namespace sotto::app {

class EventLog {
  public:
    // `path` may be empty: no file. `to_stdout`: events, but no frame traces, go to standard output too.
    static Expected<EventLog> open(const std::string& path, bool to_stdout);

    void event(const nlohmann::json& event);
    void trace(const FrameTrace& trace);

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
    bool to_stdout_ = false;
};

nlohmann::json to_json(const CallStats& stats);
nlohmann::json to_json(const ShortAuth& symbols);  // the words

}  // namespace sotto::app
