// Where a link looks for its broker, which is by plain TCP and answers as the test says.
#include "apps/sotto/mqtt_link.h"

#include <doctest/doctest.h>

#include "support/raw_mqtt.h"

using namespace sotto;
using namespace sotto::app;
using namespace std::chrono_literals;

namespace {

constexpr int busy = 0x89;

// That has found these addresses of the name before.
MqttLink link_to(const std::string& host, std::uint16_t port, std::vector<std::string> addresses) {
    return {{.broker = {.host = host, .port = port, .tls = false}, .name = "alice", .password = {}, .device = {}},
            std::move(addresses),
            nullptr};
}

}  // namespace

TEST_CASE("a broker that has moved is found again by its name") {
    test::MqttAnswers answers;
    MqttLink link = link_to("localhost", answers.port(), {"127.0.0.2", "127.0.0.3"});  // nobody there any more
    REQUIRE(link.start());
    CHECK(answers.let_in(link, 0));
}

TEST_CASE("where a name is not found any more its addresses stay good") {
    test::MqttAnswers answers;
    MqttLink link = link_to("nobody.invalid", answers.port(), {"127.0.0.1"});
    REQUIRE(link.start());
    for (int i = 0; i < 3; ++i) CHECK(answers.let_in(link, busy));
    CHECK(answers.let_in(link, 0));
}
