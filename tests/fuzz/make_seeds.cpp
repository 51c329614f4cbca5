// Writes the seeds that our own encoders can make: make_seeds tests/fuzz/seeds. Those named found-… came from fuzzing.
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
#include "transport/rtp.h"

using namespace sotto;
using namespace sotto::fuzz;

namespace {

constexpr Ssrc about{0x11223344};  // rtcp_fuzz.cpp

transport::RtcpOutgoing full_report() {
    static constexpr std::array<SequenceNumber, 3> nacks{{{0}, {1}, {65535}}};
    return {.sender = Ssrc{4},
            .sender_info = transport::SenderInfo{.ntp = {0x100000000}, .rtp = {9000}, .packets = 3, .octets = 999},
            .report = transport::ReportBlock{.source = about, .fraction_lost = 9, .cumulative_lost = -1},
            .cname = "seed",
            .media_source = about,
            .nacks = nacks,
            .picture_loss = true,
            .bye = true};
}

// -- Formats

void rtp(const Folder& folder) {
    Buffer header(transport::rtp_header_size);
    check(transport::write_rtp_header(
              {.marker = true, .payload_type = {96}, .sequence = {1}, .timestamp = {3000}, .ssrc = {4}}, header)
              .has_value());
    const auto with_first = [&](int first) {
        Seed seed{header};
        seed.bytes[0] = static_cast<std::byte>(first);
        return seed;
    };
    folder.write("plain", with_first(0x80).add(as_bytes("payload")));
    folder.write("csrc-extension-padding",
                 with_first(0xb1).zeros(4).u16(0xbede).u16(1).zeros(4).add(as_bytes("payload")).u8(0).u8(2));
    folder.write("padding-longer-than-payload", with_first(0xa0).u8(9));
    folder.write("extension-past-the-end", with_first(0x90).u16(0xbede).u16(2).zeros(4));
}

void rtcp(const Folder& folder) {
    folder.write("everything-we-say", written_rtcp(full_report()));
    folder.write("receiver-report", written_rtcp({.sender = Ssrc{4}, .cname = "seed"}));
    folder.write("unknown-type-after-report", Seed{written_rtcp({.sender = Ssrc{4}})}.u8(0x80).u8(210).u16(1).zeros(4));
    folder.write("padded", Seed{}.u8(0xa0).u8(201).u16(2).zeros(7).u8(4));
    folder.write("report-blocks-missing", Seed{}.u8(0x9f).u8(200).u16(6).zeros(24));
}

void vp8_payload(const Folder& folder) {
    folder.write("our-own", packed_vp8(as_bytes("a frame")));
    folder.write("every-extension", Seed{}.u8(0x90).u8(0xf0).u16(0x8001).u8(1).u8(0xff).add(as_bytes("data")));
    folder.write("descriptor-only", Seed{}.u8(0x90).u8(0x80).u16(0x8001));
    folder.write("reserved-partition", Seed{}.u8(0x0f).add(as_bytes("data")));
}

void opus_payload(const Folder& folder) {
    folder.write("20-ms", opus_packets(1, 20)[0]);
    folder.write("toc-only", Seed{}.u8(0x08));
    folder.write("two-frames", Seed{}.u8(0x82).u8(2).zeros(5));
    folder.write("variable-sizes-and-padding", Seed{}.u8(0x83).u8(0xc3).u8(2).u8(1).u8(2).zeros(3 + 4 + 2));
    folder.write("over-120-ms", Seed{}.u8(0x1b).u8(0x07));
    folder.write("no-frames", Seed{}.u8(0x83).u8(0));
}

void hex(const Folder& folder) {
    folder.write("both-cases", as_bytes("00ff7A"));
    folder.write("odd", as_bytes("123"));
    folder.write("not-a-digit", as_bytes("0g"));
}

void signal(const Folder& folder) {
    constexpr call::StreamOffer streams{
        .audio = true, .video = true, .audio_ssrc = Ssrc{0x11223344}, .video_ssrc = Ssrc{0x55667788}};
    folder.write("offer", *call::encode({.call = {}, .body = call::Offer{streams}}));
    folder.write("answer", *call::encode({.call = {}, .body = call::Answer{streams}}));
    folder.write("route", *call::encode({.call = {}, .body = call::Route{as_bytes("127.0.0.1 5000")}}));
    folder.write("reveal", *call::encode({.call = {}, .body = call::Reveal{}}));
    folder.write("hang-up", *call::encode({.call = {}, .body = call::HangUp{EndReason::declined}}));
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

void udp_route(const Folder& folder) {
    folder.write("v4", as_bytes("127.0.0.1 5000"));
    folder.write("v6", as_bytes("::1 5000"));
    folder.write("no-port", as_bytes("127.0.0.1"));
    folder.write("name", as_bytes("localhost 5000"));
    folder.write("zero-byte-behind-address", as_bytes({"127.0.0.1\0.2 5000", 16}));
    folder.write("port-over-65535", as_bytes("127.0.0.1 70000"));
    folder.write("port-with-sign", as_bytes("127.0.0.1 -1"));
}

// -- Sessions; made from another seed than the targets', so that all of it is foreign to them

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

void srtp(const std::filesystem::path& root) {
    const auto write = [&](const char* target, bool with_length) {
        const Folder folder(root, target);
        const auto plan = [&](const char* name, const Seed& seed) {
            folder.write(name, with_length ? Seed{}.u16(seed.bytes.size()).add(seed.bytes) : seed);
        };
        plan("unchanged", Seed{}.u8(1));
        plan("tag-cut-off", Seed{}.u8(1 + 18 * 2));
        plan("mki-cut-off", Seed{}.u8(1 + 2 * 2));
        plan("other-epoch", Seed{}.u8(1).zeros(41).u8(1));  // srtp_pair.h: both kinds of packet have 42 bytes
        plan("other-generation", Seed{}.u8(1).zeros(40).u8(1).u8(0));
        plan("unknown-epoch", Seed{}.u8(1).zeros(41).u8(0x80));
        plan("other-sequence-number", Seed{}.u8(1).zeros(3).u8(1));
        plan("other-source", Seed{}.u8(1).zeros(7).u8(1).zeros(3).u8(1));
        plan("csrc-and-extension-claimed", Seed{}.u8(1).u8(0x1f));
        plan("plain-rtp", Seed{}.u8(0).u8(0x80).u8(96).zeros(6).u16(0x1122).u16(0x3344).zeros(40));
        plan("plain-rtcp", Seed{}.u8(0).u8(0x80).u8(201).u16(1).u16(0x1122).u16(0x3344).zeros(24));
    };
    write("srtp", false);
    write("call_receive", true);
}

// -- Programs

// video_buffer_run.h: a packet of `data`, `step` after the last.
Seed& packet(Seed& seed, int step, int timestamp, bool marker, Bytes payload) {
    return seed.u8(2).u8(step).u8(timestamp).u8(marker ? 1 : 0).u8(static_cast<int>(payload.size())).add(payload);
}

void video_jitter_buffer(const Folder& folder) {
    const Buffer start = Seed{}.u8(0x10).u8(0).u8(1).bytes, middle = Seed{}.u8(0x00).u8(7).bytes,
                 delta = Seed{}.u8(0x10).u8(1).bytes;
    Seed in_order, reordered, gap, far_ahead, refused;
    packet(in_order, 1, 0, false, start);
    packet(in_order, 1, 0, true, middle);
    packet(in_order, 1, 1, true, delta);
    folder.write("in-order", in_order);
    packet(reordered, 2, 0, true, middle);
    packet(reordered, -1, 0, false, start);
    packet(reordered, 0, 0, false, start);
    folder.write("reordered-and-doubled", reordered);
    packet(gap, 1, 0, true, start);
    packet(gap, 2, 1, true, delta).u8(0).u8(200).u8(0).u8(220);
    packet(gap, 1, 1, true, start);
    folder.write("gap-given-up", gap);
    packet(far_ahead, 1, 0, true, start);
    packet(far_ahead, 100, 1, true, delta);
    packet(far_ahead, -100, 0, true, start);
    packet(far_ahead, 101, 1, true, start);
    folder.write("further-ahead-than-it-holds", far_ahead);
    packet(refused, 1, 0, true, start).u8(1);
    packet(refused, 1, 1, true, delta);
    packet(refused, 1, 1, true, start);
    folder.write("decoder-refused", refused);
}

// audio_buffer_run.h: a SILK packet of 20 ms, `step` after the last; and time, in units of 8 ms.
Seed& block(Seed& seed, int step) { return seed.u8(2).u8(step).u8(0x08); }
Seed& wait(Seed& seed, int units) { return seed.u8(0).u8(units); }

void audio_jitter_buffer(const Folder& folder) {
    Seed in_order, lost, late, stopped, far_ahead;
    for (int i = 0; i < 6; ++i) wait(block(in_order, 1), 3);
    folder.write("in-order", in_order);
    for (int i = 0; i < 6; ++i) wait(block(lost, 1 + i % 2), 3);
    folder.write("every-third-lost", lost);
    wait(block(block(late, 2), 1), 20);
    wait(block(late, -2), 9);
    folder.write("late-and-doubled", late);
    wait(wait(block(stopped, 1), 255), 3);
    wait(block(stopped, 1), 9);
    folder.write("stopped-and-begun-anew", stopped);
    wait(block(block(far_ahead, 1), 50), 30);
    folder.write("further-ahead-than-it-holds", far_ahead);
}

void nack(const Folder& folder) {
    folder.write(
        "gap-asked-for-until-given-up",
        Seed{}.u8(3).u8(1).u8(3).u8(4).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1));
    folder.write("gap-filled", Seed{}.u8(3).u8(1).u8(3).u8(4).u8(1).u8(50).u8(3).u8(-1).u8(0).u8(60).u8(1).u8(50));
    folder.write("more-than-it-holds", Seed{}.u8(3).u8(1).u8(3).u8(127).u8(1).u8(50).u8(3).u8(120).u8(1).u8(50));
    folder.write("forgotten", Seed{}.u8(3).u8(1).u8(3).u8(20).u8(2).u8(5).u8(1).u8(50));
}

void vp8_decoder(const Folder& folder) {
    const auto frames = vp8_frames(3, 16), larger = vp8_frames(1, 32);
    Seed moving, resized, broken;
    for (const Buffer& frame : frames) moving.u16(frame.size()).add(frame);
    folder.write("moving-picture", moving);
    for (const auto& frame : {frames[0], larger[0], frames[1]}) resized.u16(frame.size()).add(frame);
    folder.write("size-changes", resized);
    folder.write("reference-missing", Seed{}.u16(frames[1].size()).add(frames[1]));
    for (const auto& frame : {frames[0], frames[1]})
        broken.u16(frame.size() / 2).add(Bytes(frame).first(frame.size() / 2));
    folder.write("cut-short", broken);
}

void opus_decoder(const Folder& folder) {
    const auto long_blocks = opus_packets(3, 20), short_blocks = opus_packets(1, 10);
    const auto step = [](Seed& seed, int kind, Bytes packet) {
        seed.u8(kind).u8(static_cast<int>(packet.size())).add(packet);
    };
    Seed speech, recovered, refused;
    for (const Buffer& packet : long_blocks) step(speech, 2, packet);
    step(speech, 2, short_blocks[0]);
    folder.write("speech", speech);
    step(recovered, 2, long_blocks[0]);
    step(recovered, 0, {});
    step(recovered, 1, long_blocks[2]);
    step(recovered, 2, long_blocks[2]);
    folder.write("concealed-and-recovered", recovered);
    step(refused, 2, long_blocks[0]);
    step(refused, 2, Seed{}.u8(0x83).u8(0).bytes);
    step(refused, 2, long_blocks[1]);
    folder.write("one-refused", refused);
}

// hostile_peer.h: first byte, second byte, steps of sequence number and time stamp, and what follows the fixed header.
Seed& say(Seed& seed, Medium medium, int first, int second, int step, Bytes body) {
    return seed.u8(medium == Medium::audio ? 0 : 1).u8(first).u8(second).u8(step).u8(2).u16(body.size()).add(body);
}
Seed& report(Seed& seed, Medium medium, Bytes compound) {
    const Bytes body = compound.subspan(8);
    seed.u8(medium == Medium::audio ? 3 : 4)
        .u8(std::to_integer<int>(compound[0]))
        .u8(std::to_integer<int>(compound[1]));
    return seed.u8(std::to_integer<int>(compound[3])).u16(body.size()).add(body);
}

void hostile_peer(const Folder& folder) {
    constexpr int vp8 = 96, opus = 111, marker = 0x80, padding = 0x20, extension = 0x10;
    constexpr Ssrc our_video{2};
    const auto frames = vp8_frames(3, 16);
    const auto blocks = opus_packets(3, 20);
    Seed honest, lossy, odd, feedback, far, refused;
    for (std::size_t i = 0; i < 3; ++i) {
        say(honest, Medium::video, 0, vp8 | marker, 1, packed_vp8(frames[i]));
        say(honest, Medium::audio, 0, opus, 1, blocks[i]).u8(7).u8(5).u8(4);
    }
    folder.write("honest", honest);
    say(lossy, Medium::video, 0, vp8 | marker, 1, packed_vp8(frames[0]));
    say(lossy, Medium::video, 0, vp8 | marker, 3, packed_vp8(frames[2]));
    say(lossy, Medium::audio, 0, opus, 1, blocks[0]);
    say(lossy, Medium::audio, 0, opus, 2, blocks[2]).u8(5).u8(60).u8(5).u8(60).u8(6).u8(3).u8(1).u8(0).u8(1);
    folder.write("lost-and-repeated", lossy);
    say(odd, Medium::video, padding, vp8 | marker, 1, Seed{}.u8(0x10).u8(9).bytes);
    say(odd, Medium::video, extension, vp8 | marker, 1,
        Seed{}.u16(0xbede).u16(1).zeros(4).add(packed_vp8(frames[0])).bytes);
    say(odd, Medium::video, 0, opus, 1, packed_vp8(frames[0]));
    say(odd, Medium::video, 0, vp8 | marker, 1, Seed{}.u8(0x10).bytes);
    say(odd, Medium::video, 0, vp8 | marker, 1, packed_vp8(Bytes(frames[0]).first(9)));
    say(odd, Medium::audio, 0, opus, 1, Seed{}.u8(0x83).u8(0).bytes);
    folder.write("malformed-inside", odd);
    transport::RtcpOutgoing said = full_report();
    said.report->source = said.media_source = our_video;
    feedback.u8(7).u8(7);
    report(feedback, Medium::video, written_rtcp(said));
    said.sender_info->ntp.value = ~std::uint64_t{0};
    said.bye = false;
    report(feedback, Medium::video, written_rtcp(said)).u8(7);
    report(feedback, Medium::audio, Seed{}.u8(0x80).u8(201).u16(1).zeros(4).u8(0x80).u8(210).u16(9).bytes);
    folder.write("reports-and-feedback", feedback);
    say(far, Medium::video, 0, vp8 | marker, 1, packed_vp8(frames[0]));
    for (int i = 0; i < 3; ++i) say(far, Medium::video, 0, vp8, 127, packed_vp8(frames[1]));
    say(far, Medium::audio, 0, opus, 127, blocks[0]);
    say(far, Medium::audio, 0, opus, 127, blocks[1]).u8(5).u8(255);
    folder.write("far-ahead", far);
    say(refused, Medium::video, 0, vp8 | marker, 1, packed_vp8(frames[0]));
    say(refused, Medium::video, 0, vp8 | marker, 2, packed_vp8(frames[0]));
    say(refused, Medium::video, 0, vp8 | marker, -1, packed_vp8(Bytes(frames[0]).first(9)));
    folder.write("refused-before-a-key-frame", refused);
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
    constexpr call::StreamOffer streams{.audio = true, .audio_ssrc = Ssrc{3}, .video_ssrc = Ssrc{4}};
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
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::filesystem::path root(argv[1]);
    rtp({root, "rtp"});
    rtcp({root, "rtcp"});
    vp8_payload({root, "vp8_payload"});
    opus_payload({root, "opus_payload"});
    hex({root, "hex"});
    signal({root, "signal"});
    qr({root, "qr"});
    contacts({root, "contacts"});
    udp_route({root, "udp_route"});
    sessions(root);
    device_list({root, "device_list"});
    stored_record({root, "stored_record"});
    srtp(root);
    video_jitter_buffer({root, "video_jitter_buffer"});
    audio_jitter_buffer({root, "audio_jitter_buffer"});
    nack({root, "nack"});
    vp8_decoder({root, "vp8_decoder"});
    opus_decoder({root, "opus_decoder"});
    hostile_peer({root, "hostile_peer"});
    hostile_signals({root, "hostile_signals"});
    return 0;
}
