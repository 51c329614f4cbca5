// The same as in srtp_path.cpp, as cold as in a call.
#include "bench/bare_srtp.h"
#include "bench/coded_path.h"
#include "bench/stock_cipher.h"
#include "bench/subjects.h"

namespace sotto::bench {

// Each frame is encoded just before and decoded just after, which leaves nothing of either in the caches.
void measure_srtp_cold(const Run& run) {
    const std::vector<Buffer> frames = run.scene.encoded(10 * Scene::frame_rate);
    const auto compare = [&](auto&& bare, const char* name, const char* baseline, std::optional<double> at_most) {
        CodedPath ours(run.scene, FramePath(frames, master_key()));
        CodedPath theirs(run.scene, std::forward<decltype(bare)>(bare));
        const auto ratios = interleave<1>(run.budget, [&] { return ours.run(); }, [&] { return theirs.run(); });
        run.report.add("srtp path", name, baseline, ratios[0], at_most);
    };
    compare(stock_srtp(frames), "the same between encoding and decoding", "srtp_protect and srtp_unprotect there",
            1.25);
    call::choose_packet_cipher();
    compare(BareSrtp(frames, master_key()), "there, our cipher below both", "these there, by our cipher", std::nullopt);
}

}  // namespace sotto::bench
