// Ctrl-C, or being told to terminate: a running call hangs up, and whoever waits for one stops waiting.
#pragma once

namespace sotto::app {

// From now on the signals only set a flag, and make a descriptor readable: one that comes just before a wait, or
// reaches another thread, must not be lost.
void listen_for_interrupt();
bool interrupted();
int interrupt_descriptor();

// Waits until `descriptor` is readable or we are interrupted, at most so long (-1: for ever); tells whether it is.
bool wait_readable(int descriptor, int milliseconds);

}  // namespace sotto::app
