#include "crypto/key_log.h"

#include <doctest/doctest.h>

#include <array>

#include "support/key_log_file.h"

using namespace sotto;
using test::KeyLogFile;

namespace {

CallId call_id() {
    CallId call;
    for (std::size_t i = 0; i < call.bytes.size(); ++i) call.bytes[i] = static_cast<std::byte>(0xa0 + i);
    return call;
}

std::array<std::byte, 44> counting_key() {
    std::array<std::byte, 44> key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
    return key;
}

}  // namespace

#ifdef SOTTO_KEYLOG

TEST_CASE("a logged key is one line: call, epoch, stream, profile, and key and salt in base64") {
    const KeyLogFile log;
    crypto::log_srtp_key(call_id(), 7, Ssrc{0x0a0b0c0d}, counting_key());
    REQUIRE(log.lines().size() == 1);
    CHECK(log.lines()[0] ==
          "SRTP a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 7 0a0b0c0d AEAD_AES_256_GCM "
          "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=");
}

TEST_CASE("keys are added to what the log holds, and only while the environment names it") {
    const KeyLogFile log;
    crypto::log_srtp_key(call_id(), 0, Ssrc{1}, counting_key());
    log.close();
    crypto::log_srtp_key(call_id(), 1, Ssrc{1}, counting_key());
    CHECK(log.lines().size() == 1);
    log.open();
    crypto::log_srtp_key(call_id(), 2, Ssrc{1}, counting_key());
    REQUIRE(log.lines().size() == 2);
    CHECK(log.lines()[1].starts_with("SRTP a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 2 "));
}

TEST_CASE("what is not a key and a salt is not logged") {
    const KeyLogFile log;
    crypto::log_srtp_key(call_id(), 0, Ssrc{1}, Bytes(counting_key()).first(43));
    CHECK(log.lines().empty());
}

#else

TEST_CASE("built without SOTTO_KEYLOG, nothing is logged whatever the environment says") {
    const KeyLogFile log;
    crypto::log_srtp_key(call_id(), 0, Ssrc{1}, counting_key());
    CHECK_FALSE(std::filesystem::exists(log.path()));
}

#endif
