// Everything between the codecs, against libsrtp2's own calls for the same packets.
#include "bench/allocations.h"
#include "bench/bare_srtp.h"
#include "bench/stock_cipher.h"
#include "bench/subjects.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "srtp path";

// In the steady state: after everything has been used once.
void count_allocations(FramePath& ours, BareSrtp& bare, Report& report) {
    constexpr int batches = 30;
    const auto count = [&](auto& path) {
        return allocations_of([&] {
            for (int i = 0; i < batches; ++i) path.run();
        });
    };
    const Allocations in_ours = count(ours);
    const Allocations in_bare = count(bare);
    const double frames = batches * static_cast<double>(batch);
    const double packets = frames * bare.packets_a_frame();
    report.add({.subject = subject,
                .name = "own allocations (operator new)",
                .unit = "a frame",
                .value = exactly(static_cast<double>(in_ours.own) / frames),
                .at_most = 0});
    if (!counts_foreign()) return;
    report.add({.subject = subject,
                .name = "mallocs in libsrtp2 and below it, through Sotto",
                .unit = "a packet",
                .value = exactly(static_cast<double>(in_ours.foreign) / packets)});
    report.add({.subject = subject,
                .name = "mallocs in libsrtp2 and below it, called directly",
                .unit = "a packet",
                .value = exactly(static_cast<double>(in_bare.foreign) / packets)});
}

}  // namespace

void measure_srtp_path(const Run& run) {
    const std::vector<Buffer> frames = run.scene.encoded(10 * Scene::frame_rate);
    const auto key = master_key();
    FramePath ours(frames, key);
    BareSrtp bare = stock_srtp(frames);
    const auto halves = interleave<2>(run.budget, [&] { return ours.run_halves(); }, [&] { return bare.run_halves(); });
    const auto whole = interleave<1>(run.budget, [&] { return ours.run(); }, [&] { return bare.run(); });

    double bytes = 0;
    for (const Buffer& frame : frames) bytes += static_cast<double>(frame.size());
    char text[120];
    std::snprintf(text, sizeof(text), "a 640x360 frame of %.0f bytes in %.2f packets, at 30 frames/s",
                  bytes / static_cast<double>(frames.size()), bare.packets_a_frame());
    run.report.note(subject, text);
    run.report.add(subject, "packetise, protect, queue", "srtp_protect", halves[0]);
    run.report.add(subject, "unprotect, assemble, queue", "srtp_unprotect", halves[1]);
    run.report.add(subject, "all that is not codec, both sides", "srtp_protect and srtp_unprotect", whole[0], 1.25, 25);
    BareSrtp by_our_cipher(frames, key);
    const auto again = interleave<1>(run.budget, [&] { return ours.run(); }, [&] { return by_our_cipher.run(); });
    run.report.add(subject, "both sides, our cipher below both", "these by our cipher", again[0]);
    count_allocations(ours, bare, run.report);
}

}  // namespace sotto::bench
