// Seeds of congestion feedback, for make_seeds.cpp.
#include "fuzz/feedback_run.h"
#include "fuzz/seed.h"

using namespace sotto;
using namespace sotto::fuzz;

void make_feedback_seeds(const Folder& folder);

namespace {

// feedback_run.h: `count` packets of a stream, 10 ms apart; those of an odd size arrive.
Seed& send(Seed& seed, int stream, int size, int count = 1) {
    for (; count > 0; --count) seed.u8(1).u8(stream).u8(0).u8(size).u8(0).u8(10);
    return seed;
}

}  // namespace

void make_feedback_seeds(const Folder& folder) {
    constexpr int odd = 101, even = 100;
    Seed honest, lossy, forgotten, leaps, lies;
    for (int i = 0; i < 3; ++i) send(send(honest, i, odd, 3), 0, odd).u8(3);
    folder.write("all-arrive", honest);
    send(send(send(lossy, 0, odd), 0, even), 0, odd).u8(3);
    send(lossy, 0, odd, 3).u8(3).u8(3);
    folder.write("one-lost", lossy);
    send(forgotten, 1, even, 3).u8(4).u8(255).u8(3);
    folder.write("forgotten", forgotten);
    for (int i = 0; i < 5; ++i) leaps.u8(1).u8(2).u8(255).u8(odd);
    folder.write("numbers-leap", leaps.u8(3));
    // A report of stream 1, numbers from 65001 on; and one of a stream that is not ours.
    send(lies, 0, even, 3).u8(2).u16(9).u16(0).u8(2).u8(1).u16(65001).u8(3).u16(0x8001).u16(0).u16(0x9fff);
    lies.u8(4).u16(9).u8(1).u16(0xffff);
    folder.write("arbitrary-reports",
                 send(lies, 0, even, 3).u8(2).u16(0).u16(0).u8(1).u8(1).u16(65003).u8(1).u16(0x9f00));
}
