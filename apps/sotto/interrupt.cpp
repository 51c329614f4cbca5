#include "apps/sotto/interrupt.h"

#include <csignal>

namespace sotto::app {
namespace {

volatile std::sig_atomic_t signalled = 0;

}  // namespace

void listen_for_interrupt() {
    struct sigaction action{};
    action.sa_handler = [](int) { signalled = 1; };  // without SA_RESTART
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return signalled != 0; }

}  // namespace sotto::app
