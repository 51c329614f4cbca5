// What goes to a peer before a check of ours was answered.
#include <doctest/doctest.h>

#include "transport/early_media.h"

using sotto::transport::EarlyMedia;

namespace {

int taken_of(EarlyMedia& early, int asked) {
    int taken = 0;
    for (int i = 0; i < asked; ++i) taken += early.take() ? 1 : 0;
    return taken;
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
    before.checked_from_elsewhere();
    before.checked();
    CHECK(taken_of(before, 10) == 0);
    after.checked();
    CHECK(taken_of(after, 10) == 10);
    after.checked_from_elsewhere();
    CHECK_FALSE(after.allowed());
    CHECK(taken_of(after, 10) == 0);
}

TEST_CASE("no early datagram goes to a peer that names two hosts before its check has come from one") {
    EarlyMedia before, after;
    before.named_elsewhere();
    before.checked();
    CHECK(taken_of(before, 10) == 0);
    after.checked();
    after.named_elsewhere();  // the check came from the first: there was no other
    CHECK(taken_of(after, 10) == 10);
}
