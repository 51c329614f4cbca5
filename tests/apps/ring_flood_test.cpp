// 10,000 rings by 100 senders who may not ring, through a real mosquitto, beside a call.
#include <doctest/doctest.h>
#include <poll.h>

#include "apps/sotto/mqtt_topics.h"
#include "sim/two_party.h"
#include "support/mqtt_broker.h"
#include "support/raw_mqtt.h"
#include "support/unwelcome_caller.h"

using namespace sotto;
using namespace sotto::app;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};
constexpr DeviceKey bobs{{std::byte{2}}};
constexpr std::size_t senders = 100, rounds = 100;

std::string name_of(std::size_t sender) { return "sender" + std::to_string(sender); }

std::vector<std::string> names() {
    std::vector<std::string> all;
    while (all.size() < senders) all.push_back(name_of(all.size()));
    return all;
}

// The world, and the broker beside it by which rings come to the callee.
struct Flood {
    explicit Flood(MqttBroker& to) : broker(to) {
        for (std::size_t i = 0; i < senders; ++i) {
            callers.emplace_back(world.callee.account, random, five[i % five.size()]);
            clients.emplace_back(broker.plain_port());
            REQUIRE(clients.back().log_in(name_of(i), broker.password(name_of(i)), name_of(i)) == 0);
        }
        auto opened = MqttMailbox::open(broker.settings("bob", bobs));
        REQUIRE(opened);
        at_bob = std::move(*opened);
        REQUIRE(at_bob->wait_online(60s));
        world.connect(voice);
        world.caller.keeps_heard = false;
        world.callee.heard.reserve(rounds * 960);
    }

    // Each sender rings once; all of it arrives.
    void ring() {
        for (std::size_t i = 0; i < senders; ++i) {
            const std::string to = letter_topic("bob", bobs, name_of(i), callers[i].device.key());
            clients[i].post(to, callers[i].offer());
        }
        const Deadline deadline(60s);
        for (std::size_t came = 0; came < senders && !deadline.passed();) {
            const auto letter = at_bob->receive();
            REQUIRE(letter);
            if (!*letter) {
                pollfd wake{.fd = at_bob->descriptor(), .events = POLLIN, .revents = 0};
                ::poll(&wake, 1, 1000);
                continue;
            }
            ++came;
            ++letters;
            const auto received = world.callee.account.receive((*letter)->signal, world.now);
            rang += received ? 1 : 0;
        }
        for (RawMqtt& client : clients) client.until_ping();  // what the broker answered
    }

    MqttBroker& broker;
    TwoParty world{71};
    SeededRandom random{72};
    std::vector<UnwelcomeCaller> callers;
    std::vector<RawMqtt> clients;
    std::unique_ptr<MqttMailbox> at_bob;
    std::size_t letters = 0, rang = 0;
};

}  // namespace

TEST_CASE("of 10,000 rings by 100 senders through a broker none rings, memory stays, and a call loses nothing") {
    if (!MqttBroker::installed() || !MqttMailbox::open({}).error().contains("not a name")) {
        MESSAGE("skipped: mosquitto is not installed (./dev setup test), or built without MQTT");
        return;
    }
    auto broker = MqttBroker::start("", names());
    REQUIRE(broker);
    const auto run = [&](bool flood) {
        Flood beside(*broker);
        std::size_t early = 0, brokers_early = 0;
        for (std::size_t round = 0; round < rounds; ++round) {
            beside.world.talk(10ms, voice);
            if (flood) beside.ring();
            if (round != rounds / 10) continue;
            early = held();
            brokers_early = resident_kib(std::to_string(broker->pid()));
        }
        CHECK(beside.rang == 0);
        CHECK(beside.letters == (flood ? senders * rounds : 0));
        CHECK(beside.world.callee.account.refused().total() == beside.letters);
        CHECK(beside.world.callee.signals_sent == 2);  // that the call rings, and the answer to it
        CHECK(held() < early + 128 * 1024);
        CHECK(resident_kib(std::to_string(broker->pid())) < brokers_early + 4 * 1024);
        return beside.world.callee.heard;
    };
    const auto quiet = run(false);
    CHECK(quiet.size() > 90 * 480);
    CHECK((run(true) == quiet));
}
