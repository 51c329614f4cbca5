// A program that a test runs: its output is captured, and it outlives neither its deadline nor the test.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sotto/error.h"
#include "transport/net/udp_socket.h"

namespace sotto::test {

// For a program that hangs, so far away that no load reaches it.
class Deadline {
  public:
    explicit Deadline(std::chrono::seconds time) : end_(std::chrono::steady_clock::now() + time) {}
    bool passed() const { return std::chrono::steady_clock::now() >= end_; }

  private:
    std::chrono::steady_clock::time_point end_;
};

class ChildProcess {
  public:
    // Its name is looked up in PATH. Errors: unavailable (no such program), io_failed.
    static Result<ChildProcess> start(std::vector<std::string> arguments) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Failure(Error::io_failed);
        transport::net::Descriptor from_child(ends[0]);
        const transport::net::Descriptor to_us(ends[1]);

        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDERR_FILENO);
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_t pid = 0;
        const int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) return Failure(Error::unavailable);
        return ChildProcess(pid, std::move(from_child));
    }

    ChildProcess(ChildProcess&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          from_child_(std::move(other.from_child_)),
          output_(std::move(other.output_)),
          status_(other.status_) {}
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess() { stop(); }

    pid_t pid() const { return pid_; }
    bool running() const { return pid_ > 0; }
    const std::string& output() const { return output_; }

    // Takes in what it prints, for at most this long; a full pipe would stop it.
    void listen(std::chrono::milliseconds patience) {
        read_some(patience);
        if (running() && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = 0;
    }
    // Its exit code; nothing if it was still running at the deadline or a signal ended it.
    std::optional<int> wait(const Deadline& deadline) {
        while (running() && !deadline.passed()) listen(std::chrono::milliseconds(10));
        if (running()) {
            stop();
            return std::nullopt;
        }
        while (read_some(std::chrono::milliseconds(0))) continue;  // its last words
        return WIFEXITED(status_) ? std::optional(WEXITSTATUS(status_)) : std::nullopt;
    }

  private:
    ChildProcess(pid_t pid, transport::net::Descriptor&& from_child) : pid_(pid), from_child_(std::move(from_child)) {}

    bool read_some(std::chrono::milliseconds patience) {
        pollfd wanted{.fd = from_child_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&wanted, 1, static_cast<int>(patience.count())) != 1) return false;
        std::array<char, 4096> room;
        const ssize_t size = ::read(from_child_.get(), room.data(), room.size());
        if (size > 0) output_.append(room.data(), static_cast<std::size_t>(size));
        // Output may end before the program does; on no descriptor, poll() only lets the time pass.
        if (size == 0) from_child_ = transport::net::Descriptor();
        return size > 0;
    }

    void stop() {
        if (!running()) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status_, 0);
        pid_ = 0;
    }

    pid_t pid_ = 0;  // 0 once it has ended
    transport::net::Descriptor from_child_;
    std::string output_;
    int status_ = 0;
};

}  // namespace sotto::test
