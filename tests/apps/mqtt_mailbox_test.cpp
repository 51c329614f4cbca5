// Letters and bundles by a real mosquitto, set up as `sotto broker` does; skipped with a message where there is none.
#include "apps/sotto/mqtt_mailbox.h"

#include <doctest/doctest.h>
#include <poll.h>

#include "apps/sotto/mqtt_topics.h"
#include "support/mqtt_broker.h"
#include "support/raw_mqtt.h"

using namespace sotto;
using namespace sotto::app;
using test::Deadline, test::MqttBroker, test::RawMqtt, test::resident_kib;
using namespace std::chrono_literals;

namespace {

constexpr DeviceKey alices{{std::byte{1}}}, bobs{{std::byte{2}}}, mallorys{{std::byte{3}}};
constexpr std::chrono::seconds patience = 60s;
constexpr int not_authorised = 0x87, no_subscribers = 0x10;

Bytes bytes(std::string_view text) { return as_bytes(text); }

std::unique_ptr<MqttMailbox> opened(MqttSettings settings) {
    auto mailbox = MqttMailbox::open(std::move(settings));
    REQUIRE_MESSAGE(mailbox, (mailbox ? "" : mailbox.error()));
    return std::move(*mailbox);
}

std::unique_ptr<MqttMailbox> online(MqttSettings settings) {
    auto mailbox = opened(std::move(settings));
    const auto arrived = mailbox->wait_online(patience);
    REQUIRE_MESSAGE(arrived, (arrived ? "" : arrived.error()));
    return mailbox;
}

// Lets both go on until one of them has something to do.
void rest(const Mailbox& one, const Mailbox& other) {
    std::array<pollfd, 2> wakes{{{.fd = one.descriptor(), .events = POLLIN, .revents = 0},
                                 {.fd = other.descriptor(), .events = POLLIN, .revents = 0}}};
    ::poll(wakes.data(), wakes.size(), 1000);
}

// The next letter to `to`, while `other` goes on, too; an empty one if none came in time.
Letter next(Mailbox& to, Mailbox& other) {
    const Deadline deadline(patience);
    while (!deadline.passed()) {
        auto letter = to.receive();
        REQUIRE(letter);
        if (*letter) return std::move(**letter);
        REQUIRE(other.receive());
        rest(to, other);
    }
    return {};
}

std::string text(const Letter& letter) {
    return {reinterpret_cast<const char*>(letter.signal.data()), letter.signal.size()};
}

// Why it is gone for good.
std::string last_word(MqttMailbox& mailbox) {
    const Deadline deadline(patience);
    while (!deadline.passed()) {
        const auto letter = mailbox.receive();
        if (!letter) return letter.error();
        rest(mailbox, mailbox);
    }
    return "nothing";
}

template <class Condition>
bool wait_for(Mailbox& mailbox, const Condition& holds) {
    const Deadline deadline(patience);
    while (!deadline.passed() && !holds()) {
        REQUIRE(mailbox.receive());
        rest(mailbox, mailbox);
    }
    return holds();
}

bool built_with_mqtt() { return MqttMailbox::open({}).error().contains("not a name"); }

struct Fixture {
    explicit Fixture(const std::string& more_rules = "") {
        if (!built_with_mqtt() || !MqttBroker::installed()) {
            MESSAGE("skipped: mosquitto is not installed (./dev setup test), or built without MQTT");
            return;
        }
        broker = MqttBroker::start(more_rules);
        REQUIRE(broker);
    }
    std::unique_ptr<MqttMailbox> alice() { return online(broker->settings("alice", alices)); }
    std::unique_ptr<MqttMailbox> bob() { return online(broker->settings("bob", bobs)); }
    RawMqtt mallory() {
        RawMqtt client(broker->plain_port());
        REQUIRE(client.log_in("mallory", broker->password("mallory")) == 0);
        return client;
    }

    std::optional<MqttBroker> broker;
};

// Whose broker lets mallory do what ours lets nobody do: the broker itself is hostile.
struct Hostile : Fixture {
    Hostile() : Fixture("user mallory\ntopic readwrite #\n") {}
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "bundles are there for everybody, until the next one, and letters go both ways") {
    if (!broker) return;
    auto at_alice = alice(), at_bob = bob();
    CHECK(at_alice->bundles_of("bob", patience)->empty());
    REQUIRE(at_bob->publish(bytes("the first")));
    REQUIRE(at_bob->publish(bytes("the second")));
    const auto found = at_alice->bundles_of("bob", patience);
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front() == to_buffer(bytes("the second")));
    auto elsewhere = online(broker->settings("bob", {{std::byte{9}}}));
    REQUIRE(elsewhere->publish(bytes("another device's")));
    CHECK(at_alice->bundles_of("bob", patience)->size() == 2);
    CHECK(at_bob->bundles_of("bob", patience)->size() == 2);

    REQUIRE(at_alice->send("bob", bobs, bytes("ring")));
    const Letter ring = next(*at_bob, *at_alice);
    CHECK(ring.from == "alice");
    CHECK(ring.device == alices);
    CHECK(text(ring) == "ring");
    REQUIRE(at_bob->send(ring.from, ring.device, bytes("answer")));
    const Letter answer = next(*at_alice, *at_bob);
    CHECK(answer.from == "bob");
    CHECK(text(answer) == "answer");
    CHECK(elsewhere->receive()->has_value() == false);  // it was not for this device
    CHECK(at_alice->counts().refused.total() + at_bob->counts().refused.total() == 0);
}

TEST_CASE_FIXTURE(Fixture, "nothing wakes a mailbox that has nothing to do") {
    if (!broker) return;
    auto at_bob = bob();
    REQUIRE(at_bob->publish(bytes("a bundle")));
    CHECK_FALSE(at_bob->receive()->has_value());
    pollfd wake{.fd = at_bob->descriptor(), .events = POLLIN, .revents = 0};
    CHECK(::poll(&wake, 1, 0) == 0);
    auto at_alice = alice();
    for (int i = 0; i < 3; ++i) REQUIRE(at_alice->send("bob", bobs, bytes("ring")));
    REQUIRE(at_alice->publish(bytes("a bundle")));  // the broker has them
    REQUIRE(at_bob->publish(bytes("a bundle")));    // and has brought them: none is in the socket any more
    for (int i = 0; i < 3; ++i) {
        CHECK(::poll(&wake, 1, 1000) == 1);  // before its timer wakes it for another reason
        CHECK(at_bob->receive()->has_value());
    }
    CHECK_FALSE(at_bob->receive()->has_value());
    CHECK(::poll(&wake, 1, 0) == 0);
}

TEST_CASE_FIXTURE(Fixture, "letters wait for a device that is off, and through a restart of the broker") {
    if (!broker) return;
    auto at_alice = alice();
    static_cast<void>(bob());  // was there once
    for (const char* const said : {"one", "two", "three"}) REQUIRE(at_alice->send("bob", bobs, bytes(said)));
    at_alice.reset();
    broker->stop();
    REQUIRE(broker->run());
    at_alice = alice();
    auto at_bob = bob();
    for (const char* const said : {"one", "two", "three"}) CHECK(text(next(*at_bob, *at_alice)) == said);
}

TEST_CASE_FIXTURE(Fixture, "nothing waits at the broker for a device that has left") {
    if (!broker) return;
    RawMqtt client = mallory();
    auto at_alice = alice(), at_bob = bob();
    const std::string to_bob = letter_topic("bob", bobs, "mallory", mallorys);
    REQUIRE(at_bob->publish(bytes("a bundle")));
    at_bob.reset();
    CHECK(client.publish(to_bob, bytes("to one who is off")) == 0);
    at_bob = bob();
    CHECK(text(next(*at_bob, *at_alice)) == "to one who is off");
    REQUIRE(at_bob->withdraw());
    at_bob.reset();
    std::optional<int> answer = 0;
    for (const Deadline deadline(10s); answer == 0 && !deadline.passed();) {
        answer = client.publish(to_bob, bytes("to one who left"));
    }
    CHECK(answer == no_subscribers);  // the broker keeps no session
    at_bob = bob();
    REQUIRE(at_alice->send("bob", bobs, bytes("to one who is back")));
    CHECK(text(next(*at_bob, *at_alice)) == "to one who is back");
}

TEST_CASE_FIXTURE(Hostile, "a letter tells the broker how long it is of use") {
    if (!broker) return;
    auto at_alice = alice();
    RawMqtt spy = mallory();
    REQUIRE(spy.subscribe("sotto/1/inbox/#") == 0);
    REQUIRE(at_alice->send("bob", bobs, bytes("an offer"), 60s));
    at_alice.reset();  // gone only when the broker has it
    const auto heard = spy.until_ping();
    REQUIRE(heard.size() == 1);
    const Buffer& body = heard[0].body;
    const std::size_t properties = 2 + letter_topic("bob", bobs, "alice", alices).size();
    REQUIRE(body.size() > properties + 6);
    CHECK(body[properties + 1] == std::byte{0x02});  // message expiry interval, 4 bytes, MQTT 5 §3.3.2.3.3
    CHECK(std::to_integer<int>(body[properties + 5]) <= 60);
    CHECK(std::to_integer<int>(body[properties + 5]) >= 55);
}

TEST_CASE_FIXTURE(Fixture, "the broker lets nobody write as somebody else, or read what is not theirs") {
    if (!broker) return;
    auto at_alice = alice(), at_bob = bob();
    RawMqtt client = mallory();
    const Bytes forged = bytes("forged");
    CHECK(client.publish(bundle_topic("mallory", mallorys), forged, true) == no_subscribers);  // taken
    CHECK(client.publish(letter_topic("bob", bobs, "mallory", mallorys), bytes("genuine")) == 0);
    CHECK(client.publish(bundle_topic("bob", bobs), forged, true) == not_authorised);
    CHECK(client.publish(letter_topic("bob", bobs, "alice", alices), forged) == not_authorised);
    CHECK(client.publish("sotto/1/inbox/bob", forged) == not_authorised);
    CHECK(client.publish("sotto/1/inbox/bob/mallory/x", forged) == not_authorised);
    CHECK(client.publish("elsewhere", forged) == not_authorised);
    const Letter genuine = next(*at_bob, *at_alice);
    CHECK(genuine.from == "mallory");
    CHECK(text(genuine) == "genuine");
    CHECK(at_alice->bundles_of("bob", patience)->empty());

    REQUIRE(client.subscribe("sotto/1/inbox/#") == 0);
    REQUIRE(client.subscribe(inbox_filter("bob", bobs)) == 0);
    REQUIRE(client.subscribe("#") == 0);
    static_cast<void>(client.until_ping());  // bundles
    REQUIRE(at_alice->send("bob", bobs, bytes("for bob alone")));
    CHECK(text(next(*at_bob, *at_alice)) == "for bob alone");
    CHECK(client.until_ping().empty());
}

TEST_CASE_FIXTURE(Fixture, "a sender's answer is the same whether the device is on or off") {
    if (!broker) return;
    RawMqtt client = mallory();
    const std::string to_bob = letter_topic("bob", bobs, "mallory", mallorys);
    CHECK(client.publish(to_bob, bytes("nobody yet")) == no_subscribers);  // never was: his bundle is missing, too
    auto at_bob = bob();
    CHECK(client.publish(to_bob, bytes("on")) == 0);
    at_bob.reset();
    for (int i = 0; i < 300; ++i) {  // more than wait for a device
        const auto answer = client.publish(to_bob, bytes("off"));
        if (answer != 0) CHECK(answer == 0);
    }
    auto at_alice = alice();
    REQUIRE(at_alice->send("nobody", bobs, bytes("ring")));
    REQUIRE(at_alice->publish(bytes("a bundle")));  // answered for after the letter
    CHECK(at_alice->counts().refused_by_broker == 0);
}

TEST_CASE_FIXTURE(Fixture, "who is refused learns why, once and for all") {
    if (!broker) return;
    MqttSettings settings = broker->settings("alice", alices);
    settings.password.fill()[0] ^= std::byte{1};
    auto guessed = opened(std::move(settings));
    const auto arrived = guessed->wait_online(patience);
    REQUIRE_FALSE(arrived);
    CHECK(arrived.error().contains("the broker refuses alice"));
    CHECK(last_word(*guessed) == arrived.error());
    CHECK(guessed->send("bob", bobs, bytes("ring")).error() == arrived.error());

    const test::TemporaryFolder other;
    REQUIRE(prepare_broker({.folder = other.file("other"), .listen = "", .hosts = {}}));
    settings = broker->settings("alice", alices);
    settings.authorities = other.file("other") + "/ca.pem";
    const std::string impostor = last_word(*opened(std::move(settings)));
    CHECK(impostor.contains("certificate is refused"));
    settings = broker->settings("alice", alices);
    settings.authorities.clear();
    CHECK(last_word(*opened(std::move(settings))).contains("certificate is refused"));

    settings = broker->settings("alice", alices);
    settings.broker.host = "127.1";  // leads there, but stands in no certificate
    CHECK(last_word(*opened(std::move(settings))).contains("hostname mismatch"));
    settings = broker->settings("alice", alices);
    settings.authorities = "/no/such/file";
    CHECK(MqttMailbox::open(std::move(settings)).error().contains("/no/such/file"));
}

TEST_CASE("a broker that is busy is asked again, and one that has another program in our place is left") {
    if (!built_with_mqtt()) return;
    test::MqttAnswers answers;
    const std::string secret = "secret";
    SecretBuffer password(secret.size());
    std::ranges::copy(bytes(secret), password.fill().begin());
    auto mailbox = opened({.broker = {.host = "127.0.0.1", .port = answers.port(), .tls = false},
                           .name = "alice",
                           .password = std::move(password),
                           .device = alices});
    constexpr int busy = 0x89, taken_over = 0x8e;
    CHECK(answers.let_in(*mailbox, busy));
    CHECK(answers.let_in(*mailbox, 0));
    answers.say({0xe0, 2, taken_over, 0});
    CHECK(last_word(*mailbox).contains("another program"));
    CHECK(mailbox->counts().connected == 1);
}

TEST_CASE_FIXTURE(Fixture, "a broker that is killed and comes back loses neither bundle nor what was said meanwhile") {
    if (!broker) return;
    auto at_alice = alice(), at_bob = bob();
    REQUIRE(at_bob->publish(bytes("a bundle")));
    broker->kill();
    for (std::size_t i = 0; i < MqttMailbox::max_waiting; ++i) {
        REQUIRE(at_alice->send("bob", bobs, bytes(std::to_string(i))));
    }
    const auto refused = at_alice->send("bob", bobs, bytes("one more"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().contains("256 letters wait"));
    CHECK_FALSE(at_alice->bundles_of("bob", 300ms));  // no answer is not the answer that there are none
    REQUIRE(broker->run());
    const Deadline promised(5s);
    for (std::size_t i = 0; i < MqttMailbox::max_waiting; ++i) {
        if (i == 0) {
            REQUIRE(wait_for(*at_bob, [&] { return at_bob->counts().connected == 2; }));
            REQUIRE(wait_for(*at_alice, [&] { return at_alice->counts().connected == 2; }));
            CHECK_FALSE(promised.passed());
        }
        CHECK(text(next(*at_bob, *at_alice)) == std::to_string(i));
    }
    CHECK(at_alice->bundles_of("bob", patience)->size() == 1);
    CHECK(at_alice->counts().connected == 2);
}

TEST_CASE_FIXTURE(Hostile, "what a hostile broker brings is counted and dropped") {
    if (!broker) return;
    auto at_alice = alice(), at_bob = bob();
    RawMqtt client = mallory();
    const std::string inbox = "sotto/1/inbox/bob/" + to_hex(bobs.key);
    const std::string from = "/" + to_hex(mallorys.key);
    int malformed = 0;
    for (const std::string& topic : {inbox + "/Mallory" + from, inbox + "/" + from, inbox + "/mallory/",
                                     inbox + "/mallory/00", inbox + "/mallory/" + std::string(64, 'g')}) {
        CAPTURE(topic);
        CHECK(client.publish(topic, bytes("x")) == 0);
        ++malformed;
    }
    CHECK(client.publish(inbox + "/mallory" + from, {}) == 0);
    ++malformed;
    CHECK(client.publish(inbox + "/mallory" + from, Buffer(max_letter + 1)) == 0);
    CHECK(client.publish(inbox + "/mallory" + from, bytes("retained"), true) == 0);
    CHECK(text(next(*at_bob, *at_alice)) == "retained");
    CHECK(at_bob->counts().refused[Error::malformed] == malformed);
    CHECK(at_bob->counts().refused[Error::too_large] == 1);
    at_bob.reset();
    at_bob = bob();  // what is retained does not come again
    REQUIRE(at_alice->send("bob", bobs, bytes("ring")));
    CHECK(text(next(*at_bob, *at_alice)) == "ring");

    for (int i = 0; i < 40; ++i) {
        REQUIRE(client.publish("sotto/1/bundle/carol/" + to_hex(Buffer(32, static_cast<std::byte>(i))), bytes("b"),
                               true) == no_subscribers);
    }
    CHECK(client.publish("sotto/1/bundle/carol/" + std::string(64, 'f'), Buffer(1518), true) == no_subscribers);
    CHECK(at_alice->bundles_of("carol", patience)->size() == 32);
}

#ifdef SOTTO_RUN_ONCE
constexpr std::size_t quarantine = 256 * 1024;  // KiB of what was freed, which AddressSanitizer keeps
#else
constexpr std::size_t quarantine = 0;
#endif

TEST_CASE_FIXTURE(Fixture, "a flood of ten thousand letters keeps memory small, here and at the broker") {
    if (!broker) return;
    auto at_alice = alice(), at_bob = bob();
    RawMqtt client = mallory();
    const Buffer letter(2798, std::byte{7});
    const std::string to_bob = letter_topic("bob", bobs, "mallory", mallorys);
    const std::size_t before = resident_kib("self"), broker_before = resident_kib(std::to_string(broker->pid()));
    for (int i = 0; i < 100; ++i) {
        for (int j = 0; j < 99; ++j) client.post(to_bob, letter);
        REQUIRE_FALSE(client.until_ping().empty());  // answers to these
        REQUIRE(client.publish(to_bob, letter) == 0);
        REQUIRE(at_alice->send("bob", bobs, bytes("ring")));
        REQUIRE(at_alice->receive());
    }
    // At most what the broker keeps for one device, what is under way, and what waits here.
    CHECK(resident_kib(std::to_string(broker->pid())) < broker_before + 8 * 1024);
    CHECK(resident_kib("self") < before + 8 * 1024 + quarantine);
    int came = 0;
    bool heard = false;
    for (const Deadline deadline(patience); !heard && !deadline.passed();) {
        const auto letter_there = at_bob->receive();
        REQUIRE(letter_there);
        if (*letter_there) {
            ++came;
            heard = text(**letter_there) == "after the flood";
        } else {  // the broker's place for him may have been full until now
            REQUIRE(at_alice->send("bob", bobs, bytes("after the flood")));
            rest(*at_alice, *at_bob);
        }
    }
    CHECK(heard);
    CHECK(came >= 16);
    CHECK(came < 1000);
}
