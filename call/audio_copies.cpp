#include "call/audio_copies.h"

#include <algorithm>

namespace sotto::call {
namespace {

constexpr double in_bursts = 0.05;  // beyond chance: half again as likely, and this, after a lost packet as after any

// Of packets that are lost one by one, at most one block in a hundred goes with two copies up to a quarter, and less
// than one in twenty with more.
int count_for(double loss) {
    if (loss < transport::LossHistory::negligible) return 0;
    if (loss < 0.03) return 1;
    if (loss < 0.25) return 2;
    return loss < 0.45 ? 3 : 4;
}

}  // namespace

AudioCopies copies_for(const transport::LossHistory& all, const transport::LossHistory& sound) {
    const double loss = sound.rate();
    const bool bursts = sound.lost_after_lost() > 1.5 * loss + in_bursts;
    const int count = count_for(all.rate());
    // A burst takes some copies with the block: one more, and further apart.
    if (bursts && count > 1) return {.count = std::min(count + 1, AudioCopies::most), .spacing = 2};
    return {.count = count, .spacing = 1};
}

}  // namespace sotto::call
