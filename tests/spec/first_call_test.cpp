// The worked example of docs/protocol.md and tests/vectors/first_call.json: every value of one call, from plain
// randomness. With SOTTO_REGENERATE set in the environment both are written; without, both must say what we compute.
#include <doctest/doctest.h>

#include "call/signal.h"
#include "crypto/media_keys.h"
#include "crypto/short_auth.h"
#include "spec/example.h"
#include "spec/example_parties.h"
#include "spec/example_ratchet.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

constexpr call::StreamOffer alices_streams{.audio = true,
                                           .video = true,
                                           .audio_ssrc = Ssrc{0xa1a1a1a1},
                                           .video_ssrc = Ssrc{0xa2a2a2a2},
                                           .repair_ssrc = Ssrc{0xa3a3a3a3}};
constexpr call::StreamOffer bobs_streams{.audio = true,
                                         .video = true,
                                         .audio_ssrc = Ssrc{0xb1b1b1b1},
                                         .video_ssrc = Ssrc{0xb2b2b2b2},
                                         .repair_ssrc = Ssrc{0xb3b3b3b3}};

template <class Nonce>
Nonce drawn(Random& random) {
    Nonce nonce;
    random.fill(nonce.fill());
    return nonce;
}

template <class Nonce>
call::SasBytes said(const Nonce& nonce) {
    call::SasBytes bytes;
    std::ranges::copy(nonce.reveal(), bytes.begin());
    return bytes;
}

void add_epoch(Example& example, Generation& generation) {
    const auto to_callee = generation.sending.next();
    const auto to_caller = generation.receiving.next();
    REQUIRE(to_callee);
    REQUIRE(to_caller);
    const std::string of = "(" + std::to_string(to_callee->epoch.generation) + ", ";
    const std::string epoch = ", " + std::to_string(to_callee->epoch.epoch) + ") ";
    example.value("SRTP key " + of + "0" + epoch + "audio", to_callee->audio.reveal());
    example.value("SRTP key " + of + "0" + epoch + "video", to_callee->video.reveal());
    example.value("SRTP key " + of + "0" + epoch + "repair", to_callee->repair.reveal());
    example.value("SRTP key " + of + "1" + epoch + "audio", to_caller->audio.reveal());
    example.value("SRTP key " + of + "1" + epoch + "video", to_caller->video.reveal());
    example.value("SRTP key " + of + "1" + epoch + "repair", to_caller->repair.reveal());
}

// Alice calls Bob, and asks for new keys once.
class FirstCall {
  public:
    FirstCall() {
        add_identities(example, parties_);
        add_bundle(example, parties_, bundle_);
        auto session = Session::initiate(parties_.alices_device, bundle_, parties_.alices);
        REQUIRE(session);
        alices_session_ = std::make_unique<Session>(std::move(*session));
        ratchet_.emplace(add_pqxdh(example, parties_, bundle_), parties_, bundle_, alice_, bob_);
    }

    void run() {
        binding_.call.bytes.fill(std::byte{0xca});
        const auto a = drawn<CallerNonce>(parties_.alices);
        const SasCommitment commitment = commit(a, binding_.call);
        Sealed offer = alice_says("The offer, Alice's first message", call::Offer{alices_streams, commitment});
        bobs_session_ = accepted(offer);

        const auto b = drawn<CalleeNonce>(parties_.bobs);
        Sealed answer = bob_says("The answer, Bob's first message", call::Answer{bobs_streams, said(b)});
        opens(*alices_session_, answer);

        opens(*bobs_session_, alice_says("The reveal, in Alice's first chain", call::Reveal{said(a)}, Step::keep));
        const call::Route route{as_bytes("192.0.2.1 4000")};
        const Sealed late = alice_says("The route, which the rekey overtakes", route, Step::keep);
        Sealed request = alice_says("The rekey, a step of Alice's", call::Rekey{1});
        opens(*bobs_session_, request);
        opens(*bobs_session_, late);
        Sealed response = bob_says("The rekeyed, a step of Bob's", call::Rekeyed{1});
        opens(*alices_session_, response);

        add_media_keys(derive_call_secret(std::move(offer.exported), std::move(answer.exported), binding_),
                       std::move(request.exported), std::move(response.exported), a, b);
    }

    Example example;

  private:
    template <class Body>
    Sealed says(const std::string& title, Session& session, RatchetSide& from, const RatchetSide& to, const Body& body,
                Step step) {
        example.section(title);
        const auto plaintext = call::encode({.call = binding_.call, .body = body});
        REQUIRE(plaintext);
        return ratchet_->seal(example, session, from, to, *plaintext, step);
    }
    template <class Body>
    Sealed alice_says(const std::string& title, const Body& body, Step step = Step::fresh) {
        return says(title, *alices_session_, alice_, bob_, body, step);
    }
    template <class Body>
    Sealed bob_says(const std::string& title, const Body& body, Step step = Step::fresh) {
        return says(title, *bobs_session_, bob_, alice_, body, step);
    }

    std::unique_ptr<Session> accepted(const Sealed& offer) {
        auto made = Session::accept(parties_.bobs_device, parties_.prekeys, offer.message, parties_.bobs);
        REQUIRE(made);
        CHECK(std::ranges::equal(made->first.exported.reveal(), offer.exported.reveal()));
        return std::make_unique<Session>(std::move(made->session));
    }
    static void opens(Session& session, const Sealed& sealed) {
        const auto opened = session.open(sealed.message);
        REQUIRE(opened);
        CHECK(std::ranges::equal(opened->exported.reveal(), sealed.exported.reveal()));
    }

    void add_media_keys(CallSecret&& secret, ExportSecret&& request, ExportSecret&& response, const CallerNonce& a,
                        const CalleeNonce& b) {
        example.section("Media keys");
        example.value("call id", binding_.call.bytes);
        example.value("G(0), the call secret", secret.reveal());
        SasKey k = derive_sas_key(secret);
        const RekeySalt salt = derive_rekey_salt(secret);
        Generation first(std::move(secret), 0, binding_, Role::caller);
        add_epoch(example, first);
        add_epoch(example, first);
        GenerationSecret rekeyed = derive_generation_secret(salt, std::move(request), std::move(response), 1, binding_);
        example.value("S", salt.reveal());
        example.value("G(1)", rekeyed.reveal());
        Generation second(std::move(rekeyed), 1, binding_, Role::caller);
        add_epoch(example, second);

        example.section("Short authentication string");
        example.value("a", a.reveal());
        example.value("b", b.reveal());
        example.value("commitment", commit(a, binding_.call));
        example.value("k", k.reveal());
        std::string words;
        for (const SasSymbol& symbol : short_auth(std::move(k), a, b, binding_)) {
            (words += words.empty() ? "" : " ") += symbol.word;
        }
        example.text("symbols", words);
    }

    Parties parties_;
    PrekeyBundle bundle_ = parties_.prekeys.publish(parties_.bobs_device);
    CallBinding binding_{
        .call = {}, .caller = parties_.alice.public_identity(), .callee = parties_.bob.public_identity()};
    RatchetSide alice_{.letter = "A", .random = parties_.alices, .begun = Parties::alices_first + 2};
    RatchetSide bob_{.letter = "B", .random = parties_.bobs};
    std::optional<ExampleRatchet> ratchet_;
    std::unique_ptr<Session> alices_session_, bobs_session_;
};

}  // namespace

TEST_CASE("the worked example of docs/protocol.md and the vectors are what this code computes") {
    FirstCall call;
    call.run();
    vectors_hold("first_call.json", call.example);

    const std::string page = SOTTO_DOCS "/protocol.md";
    const std::string begin = "<!-- example: written by tests/spec/first_call_test.cpp -->\n";
    const std::string end = "<!-- end of example -->";
    const std::string text = read(page);
    const auto from = text.find(begin), to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    holds(page, text.substr(0, from + begin.size()) + call.example.as_markdown() + text.substr(to));
}
