// `sotto broker` and `sotto broker add`.
#pragma once

#include "apps/sotto/broker.h"

namespace CLI {
class App;
}

namespace sotto::app {

class BrokerCommand {
  public:
    explicit BrokerCommand(CLI::App& app);

    bool parsed() const;
    // Says what there is to say on standard output; an error is for standard error.
    Expected<void> run();

  private:
    CLI::App* broker_;
    CLI::App* add_;
    BrokerSettings settings_;
    std::string name_;
    bool anew_ = false;
};

}  // namespace sotto::app
