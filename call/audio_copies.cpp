#include "call/audio_copies.h"

#include <algorithm>

namespace sotto::call {
namespace {

constexpr double in_bursts = 0.05;  // beyond chance: half again as likely, and this, after a lost packet as after any
constexpr double worth_twice = 0.04;
constexpr double one_is_enough = 0.3;  // of two packets that leave twice one arrives, but for 0.8 % of the blocks

// Of packets that are lost one by one, at most one block in a hundred goes with two copies up to a quarter, and less
// than one in twenty with more.
int count_for(double loss) {
    if (loss < transport::LossHistory::negligible) return 0;
    if (loss < 0.03) return 1;
    if (loss < 0.25) return 2;
    return loss < 0.45 ? 3 : 4;
}

}  // namespace

AudioCopies copies_for(const transport::LossHistory& all, const transport::LossHistory& sound, bool wide) {
    const double loss = sound.rate();
    const bool bursts = sound.lost_after_lost() > 1.5 * loss + in_bursts;
    if (wide && !bursts && all.rate() >= worth_twice) {
        return {.count = all.rate() < one_is_enough ? 1 : 2, .spacing = 1, .twice = true};
    }
    const int count = count_for(all.rate());
    // A burst takes some copies with the block: one more, and further apart.
    if (bursts && count > 1) return {.count = std::min(count + 1, AudioCopies::most), .spacing = 2};
    return {.count = count, .spacing = 1};
}

}  // namespace sotto::call
