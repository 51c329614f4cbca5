// A broker on loopback as `sotto broker` sets it up: mosquitto, with a listener without TLS for hostile clients
// besides.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/sotto/broker.h"
#include "apps/sotto/mqtt_mailbox.h"
#include "support/relay.h"

namespace sotto::test {

// What a process holds: its number, or "self".
inline std::size_t resident_kib(const std::string& process) {
    std::ifstream status("/proc/" + process + "/status");
    std::string word;
    std::size_t size = 0;
    while (status >> word && word != "VmRSS:") continue;
    status >> size;
    return size;
}

class MqttBroker {
  public:
    static bool installed() {
        const auto process = ChildProcess::start({"mosquitto", "-h"});
        return process || ChildProcess::start({"/usr/sbin/mosquitto", "-h"});
    }
    // Nothing if it does not run. `rules`: more of them, for a broker that is not set up as ours. `more`: who is let
    // in.
    static std::optional<MqttBroker> start(const std::string& rules = "", const std::vector<std::string>& more = {}) {
        MqttBroker broker;
        ::chmod(broker.folder_->file("").c_str(), 0711);  // mosquitto is another user if we are root
        const std::string at = "127.0.0.1:" + std::to_string(broker.port_);
        if (!app::prepare_broker({.folder = broker.folder(), .listen = at, .hosts = {}})) return std::nullopt;
        std::ofstream(broker.folder() + "/conf.d/test.conf")
            << "log_type information\nlistener " << broker.plain_port_ << " 127.0.0.1\n";
        std::ofstream(broker.folder() + "/acl", std::ios::app) << rules;
        std::vector<std::string> people{"alice", "bob", "mallory"};
        people.insert(people.end(), more.begin(), more.end());
        for (const std::string& name : people) {
            const auto password = app::add_person(broker.folder(), name, false);
            if (!password) return std::nullopt;
            broker.passwords_[name] = *password;
        }
        if (!broker.run()) return std::nullopt;
        return broker;
    }
    // As it is there already, after kill().
    bool run() {
        for (const char* const program : {"mosquitto", "/usr/sbin/mosquitto"}) {
            auto process = ChildProcess::start({program, "-c", folder() + "/mosquitto.conf"});
            if (process) process_ = std::make_unique<ChildProcess>(std::move(*process));
            if (process) break;
        }
        const Deadline deadline(std::chrono::seconds(60));
        while (process_ && process_->running() && !deadline.passed()) {
            process_->listen(std::chrono::milliseconds(100));
            if (process_->output().contains(" running")) return true;
        }
        return false;
    }
    void kill() { process_.reset(); }  // by SIGKILL
    // Writes what waits, and ends.
    void stop() {
        ::kill(process_->pid(), SIGTERM);
        static_cast<void>(process_->wait(Deadline(std::chrono::seconds(60))));
        process_.reset();
    }

    app::MqttSettings settings(const std::string& name, const DeviceKey& device) const {
        const Bytes password = as_bytes(passwords_.at(name));
        SecretBuffer secret(password.size());
        std::ranges::copy(password, secret.fill().begin());
        return {.broker = {.host = "localhost", .port = port_, .tls = true},
                .authorities = folder() + "/ca.pem",
                .name = name,
                .password = std::move(secret),
                .device = device};
    }
    const std::string& password(const std::string& name) const { return passwords_.at(name); }
    std::uint16_t plain_port() const { return plain_port_; }
    std::string folder() const { return folder_->file("broker"); }
    pid_t pid() const { return process_->pid(); }

  private:
    MqttBroker() = default;
    std::unique_ptr<TemporaryFolder> folder_ = std::make_unique<TemporaryFolder>();
    std::uint16_t port_ = free_port();
    std::uint16_t plain_port_ = free_port();
    std::map<std::string, std::string> passwords_;
    std::unique_ptr<ChildProcess> process_;
};

}  // namespace sotto::test
