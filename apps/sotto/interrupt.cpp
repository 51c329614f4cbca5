#include "apps/sotto/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace sotto::app {
namespace {

volatile std::sig_atomic_t signalled = 0;
int wake = -1;

void on_signal(int) {
    const int kept = errno;
    signalled = 1;
    static_cast<void>(eventfd_write(wake, 1));
    errno = kept;
}

}  // namespace

void listen_for_interrupt() {
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct sigaction action{};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return signalled != 0; }

int interrupt_descriptor() { return wake; }

bool wait_readable(int descriptor, int milliseconds) {
    std::array<pollfd, 2> both{
        {{.fd = descriptor, .events = POLLIN, .revents = 0}, {.fd = wake, .events = POLLIN, .revents = 0}}};
    return ::poll(both.data(), both.size(), milliseconds) > 0 && both[0].revents != 0;
}

}  // namespace sotto::app
