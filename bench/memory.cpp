// What one call holds, and what it allocates while it runs, on two sides that are connected within this
// program.
#include "bench/allocations.h"
#include "bench/subjects.h"
#include "crypto/locked.h"
#include "sim/two_party.h"
#include "transport/srtp.h"

namespace sotto::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* subject = "memory";
constexpr std::uint64_t seed = 1;

double kib(double bytes) { return bytes / 1024; }

// Both ways for as long as `frames` frames last; every datagram arrives at once.
void talk(test::TwoParty& world, const Scene& scene, std::size_t first, std::size_t frames) {
    Call& caller = *world.caller.call;
    Call& callee = *world.callee.call;
    const auto drain = [&](Call& from, Call& to) {
        while (const auto output = from.poll(world.now)) {
            const auto* datagram = std::get_if<Datagram>(&*output);
            if (datagram != nullptr) must(to.receive(datagram->bytes, world.now), "a datagram was refused");
        }
    };
    constexpr std::size_t half = Scene::block_samples / 2;  // a call's block
    for (std::size_t i = 4 * first; i < 4 * (first + frames); ++i) {
        for (Call* const call : {&caller, &callee}) {
            AudioBlock block = scene.block(i / 2);
            block.samples = block.samples.subspan(i % 2 * half, half);
            block.captured = world.now;
            must(call->send(block, world.now), "cannot send a block");
            VideoFrame frame = scene.frame(i / 4);
            frame.captured = world.now;
            if (i % 4 == 0) must(call->send(frame, world.now), "cannot send a frame");
        }
        drain(caller, callee);
        drain(callee, caller);
        drain(caller, callee);  // what the callee asked for
        world.now += 10ms;
    }
}

std::uint64_t frames_sent(const test::TwoParty& world) {
    return world.caller.call->stats().video_sent.frames_sent + world.callee.call->stats().video_sent.frames_sent;
}

void add(Report& report, const char* name, const char* unit, double value, std::optional<double> at_most = {}) {
    report.add({.subject = subject, .name = name, .unit = unit, .value = exactly(value), .at_most = at_most});
}

// What libsrtp2 and the ciphers below it allocate for a call whose receiving streams hold the keys of `epochs` epochs.
double srtp_contexts(std::uint16_t epochs) {
    const auto key = []<class Direction>(SrtpKey<Direction> made) {
        system_random().fill(made.fill());
        return made;
    };
    const auto sender = [&](Ssrc ssrc) {
        return must(transport::SrtpSender::create(key(SrtpKey<Sending>()), ssrc), "no SRTP");
    };
    const auto receiver = [&](Ssrc ssrc) {
        auto made = must(transport::SrtpReceiver::create(key(SrtpKey<Receiving>()), ssrc), "no SRTP");
        for (std::uint16_t epoch = 1; epoch < epochs; ++epoch) {
            must(made.add(key(SrtpKey<Receiving>()), {.generation = 0, .epoch = epoch}), "no SRTP");
        }
        return made;
    };
    const std::size_t locked = crypto::locked_memory().in_use;
    start_counting();
    const auto audio_out = sender(Ssrc{1}), video_out = sender(Ssrc{2});
    const auto audio_in = receiver(Ssrc{3}), video_in = receiver(Ssrc{4});
    const Allocations made = stop_counting();
    // The ciphers lie in locked memory; all the rest where the heap is.
    return static_cast<double>(made.foreign_bytes + made.own_bytes + crypto::locked_memory().in_use - locked);
}

}  // namespace

void measure_memory(const Run& run) {
    constexpr std::size_t frames = 50;
    run.report.note(subject, "an active call, 640x360 and sound both ways");
    test::TwoParty world(seed);
    const Allocations made = allocations_of([&] { world.connect(); });
    talk(world, run.scene, 0, frames);
    run.budget.tick();

    const auto bytes = static_cast<double>(world.caller.call->stats().memory);
    add(run.report, "one call's own memory, by its own count", "KiB", kib(bytes), 512);
    if (counts_foreign()) {
        // Two sides alike, so half; with the ratchet session, which the call's own count leaves to the
        // account.
        add(run.report, "operator new since before dialling, a side", "KiB",
            kib(static_cast<double>(made.own_bytes) / 2));
        // Received are the present epoch and the next; after a rekey, both of either generation.
        add(run.report, "libsrtp2's contexts of one call", "KiB", kib(srtp_contexts(2)));
        add(run.report, "libsrtp2's contexts for two seconds after a rekey", "KiB", kib(srtp_contexts(4)));
    }

    const std::uint64_t sent_before = frames_sent(world);
    const Allocations during = allocations_of([&] { talk(world, run.scene, frames, frames); });
    const auto sent = static_cast<double>(frames_sent(world) - sent_before);
    add(run.report, "own allocations (operator new) of the running call", "a frame",
        static_cast<double>(during.own) / sent, 0);
    if (!counts_foreign()) return;
    add(run.report, "mallocs in libsrtp2, libvpx and Opus", "a frame", static_cast<double>(during.foreign) / sent);
}

}  // namespace sotto::bench
