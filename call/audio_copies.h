// How often each packet of sound leaves, and which earlier blocks it repeats (RFC 2198), by what the network loses:
// enough that few blocks are lost with all their copies, and no more, for each costs bits, and those far back cost
// delay. By nothing else: what is said changes neither.
#pragma once

#include "transport/fec_rate.h"

namespace sotto::call {

struct AudioCopies {
    static constexpr int most = 4;
    static constexpr int furthest = 1 + (most - 1) * 2;  // blocks back
    static constexpr int most_times = 4;

    int count = 0;
    int spacing = 1;  // the first is the block before, each other one so many before that; 1 or 2
    // Each packet leaves so often, soon after each other, each as one of its own: copies for which nobody waits, and a
    // longer way to the next packets for a burst.
    int times = 1;
    bool shared = false;  // by two: the first has the nearest copy alone, the other one those that are further back
    int nearer = 0;       // that are left out

    int back(int copy) const { return 1 + (nearer + copy) * spacing; }  // blocks, of copy 0 to count - 1

    // Those of the first of these packets, and of each other one.
    AudioCopies first() const { return {.count = shared ? count < 1 ? 0 : 1 : count, .spacing = spacing}; }
    AudioCopies again() const {
        if (!shared) return {.count = count, .spacing = spacing};
        return {.count = count < 1 ? 0 : count - 1, .spacing = spacing, .nearer = 1};
    }
};

// `all`: what became of the packets of all streams, for there are more of them; `blocks`: of those with sound alone,
// those of the same block counted as one, which tells if one loss brings the next. `times`: so often may each leave,
// for the path takes so much that it is little of it. `queued`: a queue stood of late, which may be what dropped them.
AudioCopies copies_for(const transport::LossHistory& all, const transport::LossHistory& blocks, int times = 1,
                       bool queued = false);

}  // namespace sotto::call
