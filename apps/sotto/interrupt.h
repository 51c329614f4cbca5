// Ctrl-C, or being told to terminate: a running call hangs up, and whoever waits for one stops waiting.
#pragma once

namespace sotto::app {

// From now on the signals only set a flag, and interrupt system calls that wait.
void listen_for_interrupt();
bool interrupted();

}  // namespace sotto::app
