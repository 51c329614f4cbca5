#include "sotto/trace.h"

namespace sotto {

std::string_view step_name(Stage stage) {
    switch (stage) {
        case Stage::captured: return "capture";
        case Stage::encoded: return "encode";
        case Stage::protect: return "protect";
        case Stage::received: return "network";
        case Stage::unprotect: return "unprotect";
        case Stage::dequeued: return "queue";
        case Stage::decoded: return "decode";
    }
    return "unknown";
}

}  // namespace sotto
