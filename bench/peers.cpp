// crypto::Session beside other libraries' double ratchets, message by message.
#include "bench/bare_ratchet.h"
#include "bench/session_pair.h"
#include "bench/subjects.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "peers";
constexpr std::size_t plaintext_size = 64;
constexpr int messages = 32;    // a time, in one chain
constexpr int round_trips = 4;  // a time
constexpr double message_at_most = 1.0 / 3;

void measure_chain(const Run& run, const PeerLibrary& library, Peer& peer, Bytes plaintext) {
    SessionPair pair;
    const auto ours = [&] {
        pair.round_trip(plaintext);
        return each(messages, [&] { pair.send(End::alice, plaintext); });
    };
    const auto theirs = [&] { return each(messages, [&] { peer.send(End::alice, plaintext); }); };
    const auto compared = interleave<1>(run.budget, ours, theirs);
    run.report.add(subject, "a message beside " + library.name, library.name + " " + library.version, compared[0],
                   message_at_most);
}

// The peers' steps are Diffie-Hellman alone. Ours is taken whole; in the same round the ML-KEM calls of as many steps
// are taken by themselves, and what is left counts as the classical part.
void measure_round_trip(const Run& run, const PeerLibrary& library, Peer& peer, Bytes plaintext) {
    SessionPair pair;
    BareRatchet bare;
    const auto ours = [&]() -> std::array<double, 2> {
        const double whole = each(round_trips, [&] { pair.round_trip(plaintext); })[0];
        const double kem = each(round_trips, [&] {
            bare.step_kem();
            bare.step_kem();
        })[0];
        return {whole - kem, whole};
    };
    const auto theirs = [&]() -> std::array<double, 2> {
        const double both = each(round_trips, [&] {
            peer.send(End::alice, plaintext);
            peer.send(End::bob, plaintext);
        })[0];
        return {both, both};
    };
    const auto compared = interleave<2>(run.budget, ours, theirs);
    const std::string name = library.name + " " + library.version;
    run.report.add(subject, "classical steps beside " + library.name, name, compared[0], library.round_trip_at_most);
    run.report.add({.subject = subject,
                    .name = "with ML-KEM beside " + library.name + " / baseline",
                    .unit = "ratio",
                    .value = compared[1].ratio});
}

}  // namespace

void measure_peers(const Run& run) {
    const auto plaintext = random_bytes<plaintext_size>();
    const Bytes text = std::as_bytes(std::span(plaintext));
    run.report.note(subject,
                    "64 bytes, encrypted by one side and decrypted by the other; baselines are those libraries");
    for (const PeerLibrary& library : peer_libraries()) {
        if (library.meet == nullptr) {
            run.report.note(subject, library.name + ": not installed");
            continue;
        }
        const std::unique_ptr<Peer> peer = library.meet();
        measure_chain(run, library, *peer, text);
        measure_round_trip(run, library, *peer, text);
    }
}

}  // namespace sotto::bench
