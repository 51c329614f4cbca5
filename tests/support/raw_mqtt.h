// MQTT 5 by hand, over plain TCP: what a hostile client may say, and what a broker answers it.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "apps/sotto/mailbox.h"
#include "interop/child_process.h"
#include "sotto/bytes.h"
#include "transport/net/udp_socket.h"

namespace sotto::test {

class RawMqtt {
  public:
    struct Packet {
        int type = 0;  // MQTT 5 §2.1.2
        Buffer body;
    };

    explicit RawMqtt(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd_ = {};
    }

    // Each gives the reason that the broker answers with, or nothing if it says something else, or hangs up.
    std::optional<int> log_in(const std::string& name, const std::string& password, const std::string& id = "raw") {
        Buffer body;
        string(body, "MQTT");
        for (const int byte : {5, 0xc2, 0, 0, 0})
            u8(body, byte);  // a clean start, a name and a password; no properties
        string(body, id);
        string(body, name);
        string(body, password);
        say(1, 0, body);
        return reason(2, 1);
    }
    std::optional<int> publish(const std::string& topic, Bytes payload, bool retained = false) {
        post(topic, payload, retained);
        const auto answer = next(4);
        if (!answer) return std::nullopt;
        return answer->body.size() > 2 ? std::to_integer<int>(answer->body[2]) : 0;
    }
    // Without waiting for the answer.
    void post(const std::string& topic, Bytes payload, bool retained = false) {
        Buffer body;
        string(body, topic);
        u16(body, ++message_);
        u8(body, 0);
        body.insert(body.end(), payload.begin(), payload.end());
        say(3, retained ? 3 : 2, body);
    }
    std::optional<int> subscribe(const std::string& filter) {
        Buffer body;
        u16(body, ++message_);
        u8(body, 0);
        string(body, filter);
        u8(body, 0);
        say(8, 2, body);
        return reason(9, 3);
    }
    // Everything that came up to the answer to a ping.
    std::vector<Packet> until_ping() {
        say(12, 0, {});
        std::vector<Packet> heard;
        while (auto packet = read()) {
            if (packet->type == 13) return heard;
            heard.push_back(std::move(*packet));
        }
        return heard;
    }

  private:
    static void u8(Buffer& out, int value) { out.push_back(static_cast<std::byte>(value)); }
    static void u16(Buffer& out, std::size_t value) {
        u8(out, static_cast<int>(value >> 8 & 0xff));
        u8(out, static_cast<int>(value & 0xff));
    }
    static void string(Buffer& out, const std::string& text) {
        u16(out, text.size());
        const Bytes bytes = as_bytes(text);
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    void say(int type, int flags, const Buffer& body) {
        Buffer packet;
        u8(packet, type << 4 | flags);
        std::size_t left = body.size();
        do {
            u8(packet, static_cast<int>(left % 128 | (left >= 128 ? 128 : 0)));
            left /= 128;
        } while (left > 0);
        packet.insert(packet.end(), body.begin(), body.end());
        for (Bytes rest = packet; !rest.empty();) {
            const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            rest = rest.subspan(static_cast<std::size_t>(sent));
        }
    }
    bool read(MutableBytes room) {
        while (!room.empty()) {
            pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&wanted, 1, 30'000) != 1) return false;
            const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), 0);
            if (size <= 0) return false;
            room = room.subspan(static_cast<std::size_t>(size));
        }
        return true;
    }
    std::optional<Packet> read() {
        std::array<std::byte, 1> one;
        if (!read(one)) return std::nullopt;
        Packet packet{.type = std::to_integer<int>(one[0]) >> 4, .body = {}};
        std::size_t size = 0, shift = 0;
        do {
            if (!read(one)) return std::nullopt;
            size |= (std::to_integer<std::size_t>(one[0]) & 127) << shift;
            shift += 7;
        } while ((std::to_integer<int>(one[0]) & 128) != 0);
        packet.body.resize(size);
        if (!read(packet.body)) return std::nullopt;
        return packet;
    }
    std::optional<Packet> next(int type) {
        auto packet = read();
        if (!packet || packet->type != type) return std::nullopt;
        return packet;
    }
    std::optional<int> reason(int type, std::size_t at) {
        const auto packet = next(type);
        if (!packet || packet->body.size() <= at) return std::nullopt;
        return std::to_integer<int>(packet->body[at]);
    }

    transport::net::Descriptor fd_;
    std::size_t message_ = 0;
};

// The other end: a broker that answers as the test says, by plain TCP.
class MqttAnswers {
  public:
    MqttAnswers() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (!listener_ || ::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 4) != 0) return;
        if (::getsockname(listener_.get(), generic, &size) == 0) port_ = ntohs(address.sin_port);
    }
    std::uint16_t port() const { return port_; }

    // Waits for whoever connects next, and answers what it says first: with a refusal it hangs up, too.
    bool let_in(app::Mailbox& client, int reason) {
        const Deadline deadline(std::chrono::seconds(60));
        while (!readable(listener_.get(), client)) {
            if (deadline.passed()) return false;
        }
        fd_ = transport::net::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        while (!readable(fd_.get(), client)) {
            if (deadline.passed()) return false;
        }
        std::array<std::byte, 4096> room;
        if (::recv(fd_.get(), room.data(), room.size(), 0) <= 0) return false;
        say({0x20, 3, 0, reason, 0});
        if (reason != 0) fd_ = {};
        return true;
    }
    void say(std::initializer_list<int> packet) const {
        Buffer bytes;
        for (const int byte : packet) bytes.push_back(static_cast<std::byte>(byte));
        static_cast<void>(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }

  private:
    static bool readable(int fd, app::Mailbox& client) {
        static_cast<void>(client.receive());
        std::array<pollfd, 2> wakes{
            {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = client.descriptor(), .events = POLLIN, .revents = 0}}};
        return ::poll(wakes.data(), wakes.size(), 1000) > 0 && wakes[0].revents != 0;
    }

    transport::net::Descriptor listener_, fd_;
    std::uint16_t port_ = 0;
};

}  // namespace sotto::test
