// What goes to a peer before a check of ours was answered.
#include <doctest/doctest.h>

#include "transport/early_media.h"

using sotto::transport::EarlyMedia;
using sotto::transport::RelayedAddress;

namespace {

int taken_of(EarlyMedia& early, int asked) {
    int taken = 0;
    for (int i = 0; i < asked; ++i) taken += early.take() ? 1 : 0;
    return taken;
}

RelayedAddress at(int host, std::uint16_t port) {
    RelayedAddress address{.address = {}, .port = port};
    address.address.bytes[3] = static_cast<std::byte>(host);
    return address;
}

}  // namespace

TEST_CASE("no early datagram goes before the peer's check has come, and a hundred in all after it") {
    EarlyMedia early;
    CHECK(taken_of(early, 1000) == 0);
    early.checked();
    CHECK(taken_of(early, 40) == 40);
    early.checked();  // the peer repeats its checks: that brings no more
    CHECK(taken_of(early, 1000) == 60);
    early.checked();
    CHECK(taken_of(early, 1000) == 0);
}

TEST_CASE("no early datagram goes to a peer that checks from an address which it has not named") {
    EarlyMedia before, after;
    before.named(at(1, 1));
    before.checked_from(at(1, 2));
    before.checked();
    CHECK(taken_of(before, 10) == 0);
    after.named(at(1, 1));
    after.checked();
    CHECK(taken_of(after, 10) == 10);
    after.checked_from(at(1, 2));
    CHECK_FALSE(after.allowed());
    CHECK(taken_of(after, 10) == 0);
}

TEST_CASE("early datagrams go to a peer whose check overtook the route that names where it came from, and that alone") {
    EarlyMedia named, other, many;
    for (EarlyMedia* early : {&named, &other}) {
        early->checked();
        early->checked_from(at(1, 1));
        CHECK_FALSE(early->allowed());
    }
    named.named(at(1, 1));
    CHECK(taken_of(named, 10) == 10);
    other.named(at(1, 2));  // the same host is not enough
    CHECK(taken_of(other, 10) == 0);
    many.checked();
    for (std::uint16_t port = 1; port <= 9; ++port) many.checked_from(at(1, port));
    for (std::uint16_t port = 1; port <= 9; ++port) many.named(at(1, port));
    CHECK(taken_of(many, 10) == 0);  // so many are not kept
}

TEST_CASE("no early datagram goes to a peer that names two hosts before its check has come from one") {
    EarlyMedia before, after, neither;
    before.named(at(1, 1));
    before.named(at(2, 1));
    before.checked();
    CHECK(taken_of(before, 10) == 0);
    after.named(at(1, 1));
    after.checked();
    after.named(at(2, 1));  // the check came from the first: there was no other
    CHECK(taken_of(after, 10) == 10);
    neither.checked();  // before any name
    neither.named(at(1, 1));
    neither.named(at(2, 1));
    CHECK(taken_of(neither, 10) == 0);
}
