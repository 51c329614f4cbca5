#include "apps/sotto/outcome.h"

#include <cstdio>

#include "apps/sotto/interrupt.h"

namespace sotto::app {

int complain(const std::string& line, int code) {
    if (interrupted()) return exit_interrupted;
    std::fprintf(stderr, "sotto: %s\n", line.c_str());
    return code;
}

int finish(const Expected<EndReason>& ended) {
    if (!ended) return complain(ended.error());
    if (*ended == EndReason::hung_up) return 0;
    std::fprintf(stderr, "sotto: the call ended: %s\n", std::string(name(*ended)).c_str());
    return exit_failed;
}

}  // namespace sotto::app
