// A program that is killed at its n-th step, for every n until it is through: what a crash at any moment leaves behind.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "sotto/bytes.h"

namespace sotto::test {

// Counts steps, and kills its process at the one it was made for.
class Fuse {
  public:
    explicit Fuse(int at) : left_(at) {}
    bool burnt_down() { return left_-- == 0; }
    void step() {
        if (burnt_down()) kill_ourselves();
    }
    [[noreturn]] static void kill_ourselves() {
        for (;;) ::kill(::getpid(), SIGKILL);
    }

  private:
    int left_;
};

struct Remains {
    bool killed = false;  // or else it was through
    Buffer said;          // what it told before
};

// Runs `body` in a process of its own. It tells by the function it is given, a byte a time, which no kill takes back.
inline Remains run_apart(const std::function<void(std::function<void(std::uint8_t)>)>& body) {
    int pipe[2];
    if (::pipe(pipe) != 0) return {};
    const pid_t child = ::fork();
    if (child == 0) {
        body([&](std::uint8_t byte) {
            if (::write(pipe[1], &byte, 1) != 1) ::_exit(1);
        });
        ::_exit(0);
    }
    ::close(pipe[1]);
    Remains remains;
    for (std::byte byte; ::read(pipe[0], &byte, 1) == 1;) remains.said.push_back(byte);
    ::close(pipe[0]);
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    remains.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!remains.killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) std::abort();  // it failed by itself
    return remains;
}

}  // namespace sotto::test
