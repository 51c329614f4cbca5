// crypto::Session, against the libsodium calls that the same messages need.
#include "base/byte_writer.h"
#include "bench/allocations.h"
#include "bench/bare_ratchet.h"
#include "bench/session_pair.h"
#include "bench/subjects.h"
#include "transport/net/udp_socket.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "ratchet";
constexpr std::size_t plaintext_size = 256;  // a call signal
constexpr int messages = 32;                 // a time, in one chain
constexpr int round_trips = 4;               // a time
constexpr int calls = 4;                     // a time, to strangers

void measure_chain(const Run& run, Bytes plaintext) {
    SessionPair pair;
    BareRatchet bare;
    const auto ours = [&] {
        pair.round_trip(plaintext);
        return each(messages, [&] { pair.send(End::alice, plaintext); });
    };
    const auto theirs = [&] { return each(messages, [&] { bare.message(plaintext); }); };
    const auto compared = interleave<1>(run.budget, ours, theirs);
    run.report.add(subject, "a message in one chain", "KDF_CK twice, header and body ciphers twice", compared[0], 1.5);

    pair.round_trip(plaintext);
    const Allocations made = allocations_of([&] { each(messages, [&] { pair.send(End::alice, plaintext); }); });
    run.report.add({.subject = subject,
                    .name = "own allocations (operator new)",
                    .unit = "a message",
                    .value = exactly(static_cast<double>(made.own) / messages)});
    run.report.add({.subject = subject,
                    .name = "a session's state, saved, without skipped keys",
                    .unit = "KiB",
                    .value = exactly(static_cast<double>(pair.saved_size()) / 1024),
                    .at_most = 8});
}

// A header that opens under none of a session's keys, with as many chains kept as there can be: each is tried. Who
// sends it needs no cryptography, but has to hand it to the system: by UDP, though a carrier would cost both sides
// more.
void measure_forged(const Run& run, Bytes plaintext) {
    using transport::net::UdpSocket;
    constexpr int chains_kept = 4;
    SessionPair pair;
    UdpSocket nowhere = must(UdpSocket::bind("127.0.0.1"), "cannot bind");
    UdpSocket forger = must(UdpSocket::bind("127.0.0.1"), "cannot bind");
    require(forger.connect(nowhere.local_route()).has_value(), "cannot connect");
    const auto random = random_bytes<80 + plaintext_size + 16>();
    Buffer forged(2 + random.size());
    ByteWriter(forged).u8(1).u8(3).bytes(std::as_bytes(std::span(random)));  // of an answered chain
    const auto compared = interleave<1>(
        run.budget,
        [&] {
            for (int i = 0; i <= chains_kept; ++i) pair.round_trip(plaintext);
            return each(messages, [&] { pair.refuse(forged); });
        },
        [&] { return each(messages, [&] { require(forger.send(forged).has_value(), "cannot send"); }); });
    run.report.add(subject, "a forged message, refused", "sent by UDP", compared[0], 1);
}

void measure_round_trip(const Run& run, Bytes plaintext) {
    SessionPair pair;
    BareRatchet bare;
    const auto compared = interleave<1>(
        run.budget, [&] { return each(round_trips, [&] { pair.round_trip(plaintext); }); },
        [&] {
            return each(round_trips, [&] {
                bare.step(plaintext);
                bare.step(plaintext);
            });
        });
    run.report.add(subject, "a round trip with two steps", "twice X25519 (3), ML-KEM (3), KDFs, ciphers", compared[0],
                   1.15);
}

void measure_dialling(const Run& run, Bytes offer) {
    const Dialler dialler;
    BareRatchet bare;
    const auto compared = interleave<1>(
        run.budget, [&] { return each(calls, [&] { dialler.dial(offer); }); },
        [&] { return each(calls, [&] { bare.dial(offer); }); });
    run.report.add(subject, "from a bundle to the first message", "its signatures, PQXDH, a step, the message",
                   compared[0], 1.2);
}

}  // namespace

void measure_ratchet(const Run& run) {
    const auto plaintext = random_bytes<plaintext_size>();
    const Bytes signal = std::as_bytes(std::span(plaintext));
    run.report.note(subject, "256 bytes, sealed by one side and opened by the other");
    measure_chain(run, signal);
    measure_forged(run, signal);
    measure_round_trip(run, signal);
    measure_dialling(run, signal);
}

}  // namespace sotto::bench
