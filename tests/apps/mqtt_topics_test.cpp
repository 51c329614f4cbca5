#include "apps/sotto/mqtt_topics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "apps/sotto/broker_address.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::app;

namespace {

constexpr DeviceKey ours{{std::byte{1}}}, theirs{{std::byte{0xab}}};
const Bytes signal = as_bytes("a signal");

Result<Letter> letter(const std::string& topic, Bytes payload = signal) {
    return parse_letter(as_bytes(topic), payload, "bob", ours);
}

// `topic` with its nth level from the end in another form.
std::string changed(std::string topic, int level, const std::string& to) {
    std::size_t end = topic.size(), begin = topic.rfind('/');
    for (int i = 0; i < level; ++i) {
        end = begin;
        begin = topic.rfind('/', begin - 1);
    }
    return topic.replace(begin + 1, end - begin - 1, to);
}

}  // namespace

TEST_CASE("a name can be a level of a topic and nothing more") {
    for (const char* const name : {"a", "bob", "bob.smith-2_x", "0"}) CHECK(valid_name(name));
    CHECK(valid_name(std::string(64, 'a')));
    for (const char* const name : {"", "Bob", "bob/alice", "+", "#", "%u", "$SYS", "bob ", "b\u00f6b", "bob:x"}) {
        CAPTURE(name);
        CHECK_FALSE(valid_name(name));
    }
    CHECK_FALSE(valid_name(std::string(65, 'a')));
    CHECK_FALSE(valid_name(std::string("a\0b", 3)));
}

TEST_CASE("a letter comes from whom its topic names, to this device alone") {
    const std::string topic = letter_topic("bob", ours, "alice", theirs);
    const auto parsed = letter(topic);
    REQUIRE(parsed);
    CHECK(parsed->from == "alice");
    CHECK(parsed->device == theirs);
    CHECK(parsed->signal == to_buffer(signal));

    std::string upper = to_hex(theirs.key);
    upper[0] = 'A';
    for (const std::string& wrong :
         {changed(topic, 0, ""), changed(topic, 0, "ab"), changed(topic, 0, upper), changed(topic, 1, ""),
          changed(topic, 1, "Alice"), changed(topic, 1, "a/b"), changed(topic, 2, to_hex(theirs.key)),
          changed(topic, 3, "bobby"), changed(topic, 4, "bundle"), changed(topic, 5, "2"), topic + "/", topic + "/x",
          "/" + topic, topic.substr(0, 40), std::string(), bundle_topic("bob", ours)}) {
        CAPTURE(wrong);
        CHECK(letter(wrong).error() == Error::malformed);
    }
}

TEST_CASE("a letter may be as long as the longest message, and no longer") {
    const std::string topic = letter_topic("bob", ours, "alice", theirs);
    CHECK(letter(topic, Buffer(18934)));
    CHECK(letter(topic, Buffer(18935)).error() == Error::too_large);
    CHECK(letter(topic, {}).error() == Error::malformed);
}

TEST_CASE("a bundle is of the person who was asked for") {
    const std::string topic = bundle_topic("bob", theirs);
    const auto parsed = parse_bundle(as_bytes(topic), signal, "bob");
    REQUIRE(parsed);
    CHECK(parsed->device == theirs);
    CHECK(parse_bundle(as_bytes(topic), signal, "alice").error() == Error::malformed);
    CHECK(parse_bundle(as_bytes(topic), {}, "bob").error() == Error::malformed);
    CHECK(parse_bundle(as_bytes(topic), Buffer(4660), "bob").error() == Error::too_large);
    CHECK(parse_bundle(as_bytes(topic + "/x"), signal, "bob").error() == Error::malformed);
}

TEST_CASE("a broker's address has a default port, and goes without TLS to this machine alone") {
    const auto check = [](const char* uri, const std::string& host, int port, bool tls) {
        CAPTURE(uri);
        const auto broker = parse_broker(uri);
        REQUIRE(broker);
        CHECK(broker->host == host);
        CHECK(broker->port == port);
        CHECK(broker->tls == tls);
    };
    check("mqtts://broker.example", "broker.example", 8883, true);
    check("mqtts://[2001:db8::1]:99", "2001:db8::1", 99, true);
    check("mqtt://127.0.0.1", "127.0.0.1", 1883, false);
    check("mqtt://127.1.2.3:5", "127.1.2.3", 5, false);
    check("mqtt://[::1]:5", "::1", 5, false);
    check("mqtt://localhost", "localhost", 1883, false);
    for (const char* const uri : {"", "mqtts://", "mqtts:broker", "broker.example", "http://broker.example",
                                  "mqtts://broker.example/", "mqtts://broker.example:0", "mqtts://a b"}) {
        CAPTURE(uri);
        REQUIRE_FALSE(parse_broker(uri));
        CHECK(parse_broker(uri).error().contains("mqtts://HOST[:PORT]"));
    }
    for (const char* const uri : {"mqtt://broker.example", "mqtt://192.0.2.1", "mqtt://128.0.0.1", "mqtt://127.example",
                                  "mqtt://[::2]", "mqtt://0.0.0.0"}) {
        CAPTURE(uri);
        REQUIRE_FALSE(parse_broker(uri));
        CHECK(parse_broker(uri).error().contains("in the clear"));
    }
}

TEST_CASE("a password is the first line of its file") {
    const test::TemporaryFolder folder;
    const auto read = [&](const std::string& text) {
        std::ofstream(folder.file("password")) << text;
        return read_password(folder.file("password"));
    };
    for (const char* const text : {"secret", "secret\n", "secret\nmore"}) {
        const auto password = read(text);
        REQUIRE(password);
        CHECK(std::ranges::equal(password->reveal(), as_bytes("secret")));
    }
    for (const std::string& text : {std::string(), std::string("\nsecret"), std::string(1024, 'x')}) {
        CHECK(read(text).error().contains("holds no password"));
    }
    CHECK(read_password(folder.file("none")).error().contains("cannot read"));
}
