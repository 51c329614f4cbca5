// The second half of make_seeds.cpp: what arrives as a signal, or is read from a store or a code.
#include "call/capabilities.h"
#include "call/doorkeeper.h"
#include "call/signal.h"
#include "crypto/header.h"
#include "crypto/session.h"
#include "crypto/short_auth.h"
#include "crypto/store_index.h"
#include "fuzz/harness.h"
#include "fuzz/seed.h"
#include "sotto/contacts.h"
#include "sotto/verification.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::fuzz;

void make_signal_seeds(const std::filesystem::path& root);

namespace {

void signal(const Folder& folder) {
    constexpr call::StreamOffer streams{.audio = true,
                                        .video = true,
                                        .audio_ssrc = Ssrc{0x11223344},
                                        .video_ssrc = Ssrc{0x55667788},
                                        .repair_ssrc = Ssrc{0x99aabbcc}};
    folder.write("offer", *call::encode({.call = {}, .body = call::Offer{streams}}));
    constexpr std::array<std::byte, 32> token{std::byte{7}};
    folder.write("offer-with-capability", *call::encode({.call = {}, .body = call::Offer{streams, {}, token}}));
    const auto grant = *call::encode({.call = {}, .body = call::Grant{1, token}});
    folder.write("grant", grant);
    auto of_a_call = grant;
    of_a_call[2] = std::byte{1};
    folder.write("grant-of-a-call", of_a_call);
    auto without_number = grant;
    without_number[23] = std::byte{0};
    folder.write("grant-without-number", without_number);
    folder.write("answer", *call::encode({.call = {}, .body = call::Answer{streams}}));
    folder.write("route", *call::encode({.call = {}, .body = call::Route{as_bytes("127.0.0.1 5000")}}));
    folder.write("reveal", *call::encode({.call = {}, .body = call::Reveal{}}));
    folder.write("hang-up", *call::encode({.call = {}, .body = call::HangUp{EndReason::declined}}));
    folder.write("ringing", *call::encode({.call = {}, .body = call::Ringing{}}));
    const auto media = *call::encode({.call = {}, .body = call::MediaNotice{7, {.muted = true, .camera_off = true}}});
    folder.write("media", media);
    auto unknown_flag = media;
    unknown_flag[24] = std::byte{8};
    folder.write("media-unknown-flag", unknown_flag);
    const auto question = *call::encode({.call = {}, .body = call::Pictures{}});
    folder.write("pictures", question);
    auto unknown_word = question;
    unknown_word[20] = std::byte{3};
    folder.write("pictures-unknown-word", unknown_word);
    auto unnumbered = *call::encode({.call = {}, .body = call::Offer{streams, {}, {}, 0}});
    folder.write("offer-without-number", unnumbered);
    folder.write("answer-that-withdraws", *call::encode({.call = {}, .body = call::Answer{streams, {}, CallId{}, 3}}));
    auto dirty = *call::encode({.call = {}, .body = call::HangUp{}});
    dirty.back() = std::byte{1};
    folder.write("padding-not-zero", dirty);
}

void qr(const Folder& folder) {
    constexpr PublicIdentity ours{{std::byte{1}}}, theirs{{std::byte{2}}};  // qr_fuzz.cpp
    folder.write("genuine", Seed{}.u8(1));
    folder.write("cut-by-one", Seed{}.u8(3));
    folder.write("lengthened", Seed{}.u8(1).zeros(66));
    folder.write("other-version", Seed{}.u8(1).u8(1));
    folder.write("our-own", Seed{}.u8(0).add(qr_payload(ours, theirs)));
}

void contacts(const Folder& folder) {
    constexpr PublicIdentity ours{{std::byte{1}}}, theirs{{std::byte{2}}}, other{{std::byte{3}}};
    Contacts known(ours);
    folder.write("none", known.encode());
    check(known.meet("alice", theirs) && known.meet("bob", other) && known.mark_verified("bob"));
    folder.write("two", known.encode());
    check(!known.meet("alice", other));
    const Buffer pending = known.encode();
    folder.write("change-pending", pending);
    folder.write("cut-short", Bytes(pending).first(pending.size() - 1));
    Seed lengthened{pending};
    folder.write("lengthened", lengthened.u8(0));
}

void policy(const Folder& folder) {
    constexpr PublicIdentity alice{{std::byte{2}}}, bob{{std::byte{3}}};
    call::Doorkeeper keeper;
    folder.write("default", keeper.encode());
    CallPolicy policy{.who = WhoMayRing::everyone, .silence_strangers = true};
    policy.exceptions = {{alice, Exception::allow}, {bob, Exception::block}};
    policy.quiet_hours = {.from = 1320, .until = 420};
    check(keeper.set_policy(std::move(policy)).has_value());
    check(keeper.set_relationship(alice, {.followed = true, .request_pending = true}).has_value());
    const Buffer stored = keeper.encode();
    folder.write("everything", stored);
    folder.write("cut-short", Bytes(stored).first(stored.size() - 1));
    Seed lengthened{stored};
    folder.write("lengthened", lengthened.u8(0));
    Seed unordered{stored};
    unordered.bytes[18] = std::byte{4};  // of the first exception's identity
    folder.write("exceptions-out-of-order", unordered);
}

void capabilities(const Folder& folder) {
    test::SeededRandom random(78);
    call::Capabilities table;
    folder.write("none", table.encode().reveal());
    constexpr PublicIdentity alice{{std::byte{2}}}, bob{{std::byte{3}}}, carol{{std::byte{4}}};
    constexpr std::array<std::byte, 32> token{std::byte{7}};
    check(table.give(alice, random) && table.give(bob, random) && table.revoke(bob));
    check(table.take({alice, {}}, 1, token) && table.take({carol, {}}, 2, token));
    const Buffer stored = to_buffer(table.encode().reveal());
    folder.write("given-revoked-and-held", stored);
    folder.write("cut-short", Bytes(stored).first(stored.size() - 1));
    Seed lengthened{stored};
    folder.write("lengthened", lengthened.u8(0));
    Seed unordered{stored};
    unordered.bytes[9] = std::byte{4};  // of the first person
    folder.write("people-out-of-order", unordered);
    table.withdraw_all();
    folder.write("after-an-older-copy", table.encode().reveal());
}

// Made from another seed than the targets', so that all of it is foreign to them.
void sessions(const std::filesystem::path& root) {
    test::SeededRandom random(77);
    const auto alice = crypto::Device::generate(crypto::Identity::generate(random), random);
    const auto bob = crypto::Device::generate(crypto::Identity::generate(random), random);
    auto prekeys = crypto::PrekeyStore::generate(1, random);
    const auto with_one_time = prekeys.publish(bob);
    auto initiator = *crypto::Session::initiate(alice, with_one_time, random);
    const Folder records(root, "session_record");
    const auto record = [&](const char* name, const crypto::Session& session) {
        records.write(name, session.save().reveal());
    };
    const Buffer initial = initiator.seal(as_bytes("hello"), crypto::Step::keep)->message;
    record("initiator-not-answered", initiator);
    auto accepted = *crypto::Session::accept(bob, prekeys, initial, random);
    record("responder-that-said-nothing", accepted.session);
    static_cast<void>(accepted.session.seal(as_bytes("lost"), crypto::Step::keep));
    const Buffer unanswered = accepted.session.seal(as_bytes("hello"), crypto::Step::keep)->message;
    record("responder-not-answered", accepted.session);
    check(initiator.open(unanswered).has_value());
    record("initiator-answered-and-a-key-skipped", initiator);
    const Buffer answered = initiator.seal(as_bytes("hello"), crypto::Step::keep)->message;
    check(accepted.session.open(initiator.seal(as_bytes("step"), crypto::Step::fresh)->message).has_value());
    record("responder-with-a-past-chain-and-a-key-skipped", accepted.session);
    records.write("without-end", accepted.session.save().reveal().first(1000));

    const Folder messages(root, "ratchet_message");
    messages.write("initial", initial);
    messages.write("unanswered", unanswered);
    messages.write("answered", answered);
    messages.write("without-tag", Bytes(answered).first(90));

    const Folder bundles(root, "prekey_bundle");
    bundles.write("genuine", Seed{}.u8(1));
    bundles.write("one-time-prekey-changed", Seed{}.u8(1).zeros(1481 + 4).u8(1));
    bundles.write("signature-changed", Seed{}.u8(1).zeros(1 + 128 + 4 + 32).u8(1));
    bundles.write("certificate-changed", Seed{}.u8(1).zeros(1 + 64).u8(1));
    bundles.write("of-another", Seed{}.u8(0).add(crypto::encode(with_one_time)));
    bundles.write("of-another-without-one-time", Seed{}.u8(0).add(crypto::encode(prekeys.publish(bob))));

    for (const char* const target : {"session_open", "account_receive"}) {
        const Folder folder(root, target);
        folder.write("unchanged", Seed{}.u8(1));
        folder.write("cut-by-one", Seed{}.u8(3));
        folder.write("lengthened", Seed{}.u8(1).zeros(1500));
        folder.write("other-type", Seed{}.u8(1).zeros(1).u8(1));
        folder.write("other-nonce-or-sender", Seed{}.u8(1).zeros(2).u8(1));
        folder.write("other-header-or-base-key", Seed{}.u8(1).zeros(2 + 128 + 24).u8(1));
        for (const auto type : {crypto::MessageType::initial, crypto::MessageType::unanswered}) {
            const std::size_t front = crypto::front_size(type);
            const bool is_initial = type == crypto::MessageType::initial;
            folder.write(is_initial ? "initial-kem-key-changed" : "kem-key-changed",
                         Seed{}.u8(1).zeros(front - 16 - 1184).u8(1));
            folder.write(is_initial ? "initial-body-changed" : "body-changed", Seed{}.u8(1).zeros(front).u8(1));
        }
        folder.write("answered-body-changed",
                     Seed{}.u8(1).zeros(crypto::front_size(crypto::MessageType::answered)).u8(1));
        folder.write("foreign-initial", Seed{}.u8(0).add(initial));
        folder.write("foreign-unanswered", Seed{}.u8(0).add(unanswered));
        folder.write("foreign-answered", Seed{}.u8(0).add(answered));
    }
}

void device_list(const Folder& folder) {
    test::SeededRandom random(77);
    const auto identity = crypto::Identity::generate(random);
    std::vector<DeviceKey> keys(3);
    for (DeviceKey& key : keys) key = crypto::Device::generate(identity, random).key();
    folder.write("genuine", Seed{}.u8(1));
    folder.write("sequence-changed", Seed{}.u8(1).zeros(1 + 32 + 3).u8(1));
    folder.write("one-device-fewer", Seed{}.u8(1).zeros(1 + 32 + 4).u8(3 ^ 2));
    folder.write("certificate-changed", Seed{}.u8(1).zeros(38 + 32).u8(1));
    folder.write("signature-changed", Seed{}.u8(1).zeros(38 + 3 * 96).u8(1));
    folder.write("of-another", Seed{}.u8(0).add(crypto::encode(crypto::make_list(identity, 1, keys))));
    std::ranges::sort(keys);
    std::ranges::reverse(keys);
    auto unsorted = crypto::make_list(identity, 1, keys);
    std::ranges::reverse(unsorted.devices);
    folder.write("unsorted", Seed{}.u8(0).add(crypto::encode(unsorted)));
}

void stored_record(const Folder& folder) {
    folder.write("unchanged", Seed{}.u8(1));
    folder.write("cut-by-one", Seed{}.u8(3));
    folder.write("lengthened", Seed{}.u8(1).zeros(200));
    folder.write("other-generation", Seed{}.u8(1).zeros(7).u8(1));
    folder.write("other-nonce", Seed{}.u8(1).zeros(8).u8(1));
    folder.write("too-short", Seed{}.zeros(40));
    folder.write("index", crypto::write_index({{"contacts", 7}, {"identity", 1}}).reveal());
    folder.write("empty-index", crypto::write_index({}).reveal());
    folder.write("index-out-of-order", Seed{}.u16(0).u16(2).u8(1).u8('b').zeros(8).u8(1).u8('a').zeros(8));
    folder.write("index-of-more-than-there-is", Seed{}.u16(0xffff).u16(0xffff).u8(1).u8('a').zeros(8));
}

// hostile_signals.h: kind, call, body.
Seed& signal(Seed& seed, int call, const call::CallSignal& said) {
    const auto plaintext = *call::encode(said);
    const int length = std::to_integer<int>(plaintext[19]);
    return seed.u8(4)
        .u8(std::to_integer<int>(plaintext[1]))
        .u8(call)
        .u8(length)
        .add(Bytes(plaintext).subspan(20).first(static_cast<std::size_t>(length)));
}

void hostile_signals(const Folder& folder) {
    constexpr call::StreamOffer streams{
        .audio = true, .audio_ssrc = Ssrc{3}, .video_ssrc = Ssrc{4}, .repair_ssrc = Ssrc{5}};
    const call::CallSignal offer{.call = {}, .body = call::Offer{streams}};
    const call::CallSignal answer{.call = {}, .body = call::Answer{streams}};
    const call::CallSignal route{.call = {}, .body = call::Route{as_bytes("127.0.0.1 5000")}};
    const call::CallSignal hang_up{.call = {}, .body = call::HangUp{}};
    Seed answered, dialled, twice, late;
    signal(signal(signal(answered, 9, offer).u8(2).u8(0), 0, route), 0, hang_up);
    folder.write("offered-and-answered", answered);
    signal(signal(signal(dialled.u8(0).u8(0), 0, answer), 1, hang_up), 0, route).u8(3).u8(0).u8(3).u8(0);
    folder.write("dialled-and-answered", dialled);
    signal(signal(signal(twice, 9, offer), 0, offer).u8(2).u8(0), 0, answer).u8(2).u8(0);
    folder.write("offered-and-answered-twice", twice);
    signal(signal(signal(late.u8(0).u8(1).u8(240), 0, answer), 0, hang_up), 200, route);
    folder.write("answered-too-late", late);
    // The commitment is to a nonce of zeros, in the call that the program names 9.
    const call::CallSignal committed{.call = {},
                                     .body = call::Offer{streams, crypto::commit({}, CallId{{std::byte{9}}})}};
    const call::CallSignal reveal{.call = {}, .body = call::Reveal{}};
    Seed revealed, falsely;
    signal(signal(signal(revealed, 9, committed).u8(2).u8(0), 0, reveal), 0, reveal);
    folder.write("revealed-twice", revealed);
    signal(signal(falsely, 9, offer).u8(2).u8(0), 0, reveal);
    folder.write("revealed-falsely", falsely);
    // Rings and holds back, before the answer and after it; asks for pictures, agrees to what nobody asked.
    const auto says = [](call::SignalBody body) { return call::CallSignal{.call = {}, .body = body}; };
    using enum call::Pictures::Say;
    Seed talked;
    signal(signal(talked.u8(0).u8(0), 0, says(call::Ringing{})), 0, says(call::MediaNotice{1, {.muted = true}}));
    signal(signal(talked, 0, answer), 0, says(call::Ringing{}));
    signal(signal(talked, 0, says(call::MediaNotice{2, {.held = true}})), 0, says(call::MediaNotice{1, {}}));
    signal(signal(talked, 0, says(call::Pictures{ask})), 0, says(call::Pictures{agree}));
    signal(signal(talked, 0, says(call::Pictures{refuse})), 0, hang_up);
    folder.write("rings-holds-back-and-asks", talked);
    // Two calls of the peer's one after the other, the older offer last.
    Seed late_offer;
    signal(signal(late_offer, 9, says(call::Offer{streams, {}, {}, 2})).u8(2).u8(0), 8, says(call::Offer{streams}));
    signal(late_offer, 7, says(call::Offer{streams, {}, {}, 3}));
    folder.write("an-older-offer-during-a-call", late_offer);
    // Grants: before the account knows us, after it has dialled us, again, a former one; then an offer that shows one.
    constexpr std::array<std::byte, 32> token{std::byte{7}};
    const call::CallSignal granted{.call = {}, .body = call::Grant{2, token}};
    const call::CallSignal former{.call = {}, .body = call::Grant{1, token}};
    const call::CallSignal showing{.call = {}, .body = call::Offer{streams, {}, token}};
    Seed given;
    signal(given, 255, granted).u8(0);
    signal(signal(signal(signal(given, 255, granted), 255, granted), 255, former), 9, showing).u8(0);
    folder.write("granted", given);
}

}  // namespace

void make_signal_seeds(const std::filesystem::path& root) {
    signal({root, "signal"});
    qr({root, "qr"});
    contacts({root, "contacts"});
    policy({root, "policy"});
    capabilities({root, "capabilities"});
    sessions(root);
    device_list({root, "device_list"});
    stored_record({root, "stored_record"});
    hostile_signals({root, "hostile_signals"});
}
