#include <doctest/doctest.h>

#include "sotto/verification.h"
#include "support/random.h"

using namespace sotto;

namespace {

PublicIdentity identity(test::SeededRandom& random) {
    PublicIdentity made;
    random.fill(made.key);
    return made;
}

struct Fixture {
    test::SeededRandom random{51};
    PublicIdentity alice = identity(random), bob = identity(random), mallory = identity(random);
    Buffer shown_by_alice = qr_payload(alice, bob);
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a code holds a version, who shows it and whom it means") {
    REQUIRE(shown_by_alice.size() == 65);
    CHECK(to_hex(shown_by_alice) == "01" + to_hex(alice.key) + to_hex(bob.key));
}

TEST_CASE_FIXTURE(Fixture, "a code convinces the one it means that it faces the one who shows it, and nobody else") {
    CHECK(check_qr(shown_by_alice, bob, alice));
    CHECK(check_qr(qr_payload(bob, alice), alice, bob));
    CHECK(check_qr(shown_by_alice, alice, bob).error() == Error::wrong_identity);  // one's own code
    CHECK(check_qr(shown_by_alice, bob, mallory).error() == Error::wrong_identity);
    CHECK(check_qr(shown_by_alice, mallory, alice).error() == Error::wrong_identity);
    CHECK(check_qr(qr_payload(mallory, bob), bob, alice).error() == Error::wrong_identity);
    CHECK(check_qr(qr_payload(alice, mallory), bob, alice).error() == Error::wrong_identity);
}

TEST_CASE_FIXTURE(Fixture, "a code that is cut, lengthened, of another version or changed in a bit is refused") {
    for (std::size_t size = 0; size < shown_by_alice.size(); ++size) {
        CHECK(check_qr(Bytes(shown_by_alice).first(size), bob, alice).error() == Error::truncated);
    }
    Buffer longer = shown_by_alice;
    longer.push_back(std::byte{0});
    CHECK(check_qr(longer, bob, alice).error() == Error::malformed);
    for (std::size_t bit = 0; bit < 8 * shown_by_alice.size(); ++bit) {
        CAPTURE(bit);
        Buffer changed = shown_by_alice;
        changed[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << bit % 8)};
        CHECK(check_qr(changed, bob, alice).error() == (bit < 8 ? Error::unsupported_version : Error::wrong_identity));
    }
}
