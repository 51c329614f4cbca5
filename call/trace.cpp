#include "sotto/trace.h"

#include "call/trace_log.h"

namespace sotto {

std::string_view step_name(Stage stage) {
    switch (stage) {
        case Stage::captured: return "capture";
        case Stage::scaled: return "scale";
        case Stage::encoded: return "encode";
        case Stage::packetised: return "packetise";
        case Stage::paced: return "pace";
        case Stage::protect: return "protect";
        case Stage::sent: return "send";
        case Stage::received: return "network";
        case Stage::unprotect: return "unprotect";
        case Stage::repaired: return "repair";
        case Stage::assembled: return "assemble";
        case Stage::dequeued: return "queue";
        case Stage::decoded: return "decode";
        case Stage::shown: return "present";
    }
    return "unknown";
}

bool traces_frames() { return call::tracing; }

}  // namespace sotto
