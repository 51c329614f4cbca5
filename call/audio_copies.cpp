#include "call/audio_copies.h"

#include <algorithm>

namespace sotto::call {
namespace {

constexpr double worth_twice = 0.04;   // with a copy, where a second packet alone is not enough
constexpr double one_is_enough = 0.3;  // of two packets that leave twice one arrives, but for 0.8 % of the blocks
constexpr double few_lost = 0.0004;    // of the blocks, with all their packets: the delay of a copy is worth no less
constexpr double hardly_any = 0.002;   // of the blocks: two in the history

// Of packets that are lost one by one, at most one block in a hundred goes with two copies up to a quarter, and less
// than one in twenty with more.
int count_for(double loss) {
    if (loss < transport::LossHistory::negligible) return 0;
    if (loss < 0.03) return 1;
    if (loss < 0.25) return 2;
    return loss < 0.45 ? 3 : 4;
}

// A burst takes some copies with the block: more of them, and further apart if bursts were longer than these reach.
AudioCopies in_bursts(const transport::LossHistory& blocks, int alone) {
    const int most = std::clamp(alone + 1, 3, AudioCopies::most);
    for (int count = 2; count <= most; ++count) {
        if (blocks.share_lost(static_cast<std::size_t>(1 + count)) <= hardly_any) return {.count = count};
    }
    return {.count = most, .spacing = 2};
}

// Where one loss does not bring the next: packets for which nobody waits before copies in others, which cost a block's
// length of delay.
AudioCopies by_chance(double loss, int alone, int times) {
    if (alone == 0) return {};
    double lost = loss;
    int needed = 1;
    for (; lost > few_lost && needed < AudioCopies::most_times; ++needed) lost *= loss;
    // Four that are all lost are as rare as two and their copies.
    if (needed <= times && loss < one_is_enough) return {.times = std::max(needed, 2)};
    if (loss < worth_twice) return {.count = alone};
    if (loss < one_is_enough) return {.count = 1, .times = 2};
    return times > 2 ? AudioCopies{.count = 1, .times = times} : AudioCopies{.count = 2, .times = 2};
}

}  // namespace

AudioCopies copies_for(const transport::LossHistory& all, const transport::LossHistory& blocks, int times,
                       bool queued) {
    const double loss = all.rate();
    const int alone = count_for(loss);
    // Pictures between two blocks keep most bursts from taking both, but tell of them sooner.
    if (blocks.in_bursts() || all.in_bursts()) {
        // A full queue drops in bursts, too, and sound in several packets would fill it.
        if (queued && alone < 2) return {.count = alone};
        if (queued) return {.count = std::min(alone + 1, AudioCopies::most), .spacing = 2};
        AudioCopies copies = in_bursts(blocks, alone);
        if (times > 1) copies.times = 2, copies.shared = true;
        return copies;
    }
    // What a queue dropped may be dropped again.
    if (queued) times = std::min(times, 2);
    return times > 1 ? by_chance(loss, alone, times) : AudioCopies{.count = alone};
}

}  // namespace sotto::call
