// Writes the seeds that our own encoders can make: make_seeds tests/fuzz/seeds. Those named found-… came from fuzzing.
#include "fuzz/harness.h"
#include "fuzz/seed.h"
#include "support/random.h"
#include "transport/red.h"
#include "transport/rtp.h"

using namespace sotto;
using namespace sotto::fuzz;

// make_signal_seeds.cpp: what arrives as a signal, or is read from a store or a code.
void make_signal_seeds(const std::filesystem::path& root);
void make_feedback_seeds(const Folder& folder);            // make_feedback_seeds.cpp
void make_route_seeds(const std::filesystem::path& root);  // make_route_seeds.cpp

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
    transport::CongestionFeedback arrivals{.timestamp = 0x10000};
    arrivals.begin(about, SequenceNumber{65535});
    for (const auto metric : {transport::arrived_before(20), transport::not_received, transport::arrived_before(0)}) {
        arrivals.add(metric);
    }
    folder.write("congestion-feedback-alone", written_rtcp({.congestion = &arrivals, .reduced = true}));
    folder.write("more-metrics-than-follow", Seed{}.u8(0x8b).u8(205).u16(4).zeros(10).u16(200).zeros(4));
    folder.write("full-intra-request", Seed{}.u8(0x84).u8(206).u16(4).zeros(8).u16(0x1122).u16(0x3344).u8(1).zeros(3));
}

void red(const Folder& folder) {
    constexpr PayloadType opus{111};
    const std::array blocks{transport::RedBlock{opus, 1920, as_bytes("first")},
                            transport::RedBlock{opus, 960, as_bytes("second")},
                            transport::RedBlock{opus, 0, as_bytes("third")}};
    Buffer three(100);
    three.resize(*transport::write_red(blocks, three));
    folder.write("three-blocks", three);
    folder.write("primary-alone", Seed{}.u8(111).add(as_bytes("block")));
    folder.write("cut-short", Bytes(three).first(three.size() - 8));
    folder.write("newest-first", Seed{}.u8(0xef).u8(0).u16(0x0401).u8(0xef).u8(0).u16(0x0801).u8(111).zeros(3));
    Seed deep;
    for (int i = 8; i > 0; --i) deep.u8(0xef).u8(i).u16(1);
    folder.write("nine-blocks", deep.u8(111).zeros(9));
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

// -- Packets of a protected stream

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
    // RFC 7741 §4.2: X N S; I L T K; picture id; TL0PICIDX; TID Y KEYIDX; data.
    const auto layered = [](int first, int id, int base, int layer, int key, bool inter) {
        return Seed{}.u8(first).u8(0xf0).u8(id).u8(base).u8(layer << 6 | 0x20 | key).u8(inter ? 1 : 0).bytes;
    };
    Seed layers, golden;
    packet(layers, 1, 0, true, layered(0x90, 1, 1, 0, 1, false));
    packet(layers, 2, 1, true, layered(0x90, 3, 2, 0, 1, true));
    packet(layers, 1, 1, false, layered(0xb0, 4, 2, 1, 1, true));
    packet(layers, 2, 1, true, layered(0x90, 5, 3, 0, 1, true));
    folder.write("layer-lost", layers);
    packet(golden, 1, 0, true, layered(0x90, 1, 1, 0, 1, false));
    packet(golden, 2, 1, true, delta).u8(0).u8(200).u8(0).u8(220);
    packet(golden, 1, 1, true, layered(0x90, 4, 4, 0, 1, true));
    folder.write("from-golden", golden);
}

// audio_buffer_run.h: a SILK packet of 20 ms, `step` after the last; and time, in units of 8 ms.
Seed& block(Seed& seed, int step) { return seed.u8(2).u8(step).u8(0x08); }
Seed& wait(Seed& seed, int units) { return seed.u8(0).u8(units); }

// A copy of the block `from_there` away from the one that is `step` after the last.
Seed& copy(Seed& seed, int step, int from_there) { return seed.u8(2).u8(step).u8(0x09).u8(from_there); }

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
    Seed copies;
    for (int i = 0; i < 6; ++i) wait(block(copy(copies, 2, -1), 0), 5);  // every other one lost
    copy(copy(copy(copies, 0, -1), 0, 100), 0, -100);
    folder.write("copies-of-what-is-lost", copies);
}

// time_scale_run.h: mono or stereo, limit, room, then samples.
void time_scale(const Folder& folder) {
    const auto sawtooth = [](int kind, int period, int loud) {
        Seed seed = Seed{}.u8(kind).u16(720).u16(720);
        for (int i = 0; i < 960; ++i) seed.u16(static_cast<std::size_t>(0x10000 + i % period * loud) & 0xffff);
        return seed;
    };
    folder.write("periodic", sawtooth(0, 300, 40));
    folder.write("stereo", sawtooth(1, 200, 90));
    folder.write("quiet", sawtooth(0, 7, 1));
    folder.write("loudest", sawtooth(0, 331, 32767));
    folder.write("nothing", Seed{}.u8(0).u16(720).u16(720));
}

void nack(const Folder& folder) {
    folder.write(
        "gap-asked-for-until-given-up",
        Seed{}.u8(3).u8(1).u8(3).u8(4).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1).u8(0).u8(1));
    folder.write("gap-filled", Seed{}.u8(3).u8(1).u8(3).u8(4).u8(1).u8(50).u8(3).u8(-1).u8(0).u8(60).u8(1).u8(50));
    folder.write("more-than-it-holds", Seed{}.u8(3).u8(1).u8(3).u8(127).u8(1).u8(50).u8(3).u8(120).u8(1).u8(50));
    folder.write("forgotten", Seed{}.u8(3).u8(1).u8(3).u8(20).u8(2).u8(5).u8(1).u8(50));
}

// fec_run.h: packets that come or are lost, repair packets over the last `count`, and payloads of our own.
void fec(const Folder& folder) {
    constexpr int comes = 0, lost = 1, repair = 2, made_up = 3;
    Seed one, several, whole, far_behind, contradicted;
    for (int i = 0; i < 8; ++i) one.u8(i == 3 ? lost : comes).u8(10 * i);
    folder.write("one-lost", one.u8(repair).u8(7));
    for (int i = 0; i < 40; ++i) {
        several.u8(i % 5 < 2 ? lost : comes).u8(5 * i);
        if (i % 2 == 1) several.u8(repair).u8(20);
    }
    folder.write("sliding-window", several);
    for (int i = 0; i < 5; ++i) whole.u8(comes).u8(i).u8(repair).u8(i);
    folder.write("none-lost", whole);
    far_behind.u8(lost).u8(1).u8(lost).u8(2).u8(repair).u8(1);
    for (int i = 0; i < 130; ++i) far_behind.u8(comes).u8(0);
    folder.write("out-of-reach", far_behind.u8(repair).u8(1).u8(repair).u8(126));
    contradicted.u8(comes).u8(9).u8(lost).u8(9);
    folder.write("no-sum-of-packets", contradicted.u8(made_up).u8(12).u16(65501).u8(2).zeros(9));
    folder.write("shorter-than-its-packets", Seed{}.u8(comes).u8(9).u8(made_up).u8(12).u16(65501).u8(127).zeros(9));
    folder.write("no-packets-named", Seed{}.u8(made_up).u8(12).u16(65501).u8(0).zeros(9));
    folder.write("one-packet-made-up", Seed{}.u8(comes).u8(9).u8(made_up).u8(10).u16(65510).u8(1).zeros(7));
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
Seed& repair(Seed& seed, int second, Bytes body) {
    return seed.u8(2).u8(0).u8(second).u8(1).u8(2).u16(body.size()).add(body);
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
    // docs/protocol.md, "Repair": a packet that was lost, one too short to name any, parity of four, another stream's
    // type.
    constexpr int retransmission = 97, parity = 98;
    Seed repaired;
    say(repaired, Medium::video, 0, vp8 | marker, 1, packed_vp8(frames[0]));
    say(repaired, Medium::video, 0, vp8 | marker, 2, packed_vp8(frames[2]));
    repair(repaired, retransmission | marker, Seed{}.u16(0x7ff2).add(packed_vp8(frames[1])).bytes);
    repair(repaired, retransmission, Seed{}.u8(0x7f).bytes);
    repair(repaired, parity, Seed{}.u16(0x7ff1).u8(4).zeros(40).bytes);
    repair(repaired, vp8 | marker, packed_vp8(frames[1]));
    folder.write("repaired", repaired);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::filesystem::path root(argv[1]);
    rtp({root, "rtp"});
    rtcp({root, "rtcp"});
    red({root, "red"});
    vp8_payload({root, "vp8_payload"});
    opus_payload({root, "opus_payload"});
    hex({root, "hex"});
    make_route_seeds(root);
    srtp(root);
    video_jitter_buffer({root, "video_jitter_buffer"});
    audio_jitter_buffer({root, "audio_jitter_buffer"});
    time_scale({root, "time_scale"});
    nack({root, "nack"});
    fec({root, "fec"});
    vp8_decoder({root, "vp8_decoder"});
    opus_decoder({root, "opus_decoder"});
    hostile_peer({root, "hostile_peer"});
    make_signal_seeds(root);
    make_feedback_seeds({root, "feedback"});
    return 0;
}
