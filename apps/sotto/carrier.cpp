#include "apps/sotto/carrier.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "apps/sotto/interrupt.h"
#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::app {
namespace {

using transport::net::Descriptor;

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    bool is_unix = false;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::unexpected<std::string> system_error(const std::string& what) {
    return std::unexpected(what + ": " + std::strerror(errno));
}

// A host stands between, to which both sides connect.
bool is_via(const std::string& spec) { return spec.starts_with("via:"); }

Expected<Address> parse_address(const std::string& spec) {
    Address address;
    if (spec.starts_with("unix:")) {
        const std::string path = spec.substr(5);
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        if (path.empty() || path.size() >= sizeof(local.sun_path)) {
            return std::unexpected("not a usable socket path: " + spec);
        }
        std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
        std::memcpy(&address.storage, &local, sizeof(local));
        address.length = sizeof(local);
        address.is_unix = true;
        return address;
    }
    const auto colon = spec.rfind(':');
    if (!(spec.starts_with("tcp:") || is_via(spec)) || colon <= 4) {
        return std::unexpected("a carrier is unix:PATH or tcp:HOST:PORT or via:HOST:PORT, not: " + spec);
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string host = spec.substr(4, colon - 4);
    const int failed = getaddrinfo(host.c_str(), spec.substr(colon + 1).c_str(), &hints, &list);
    if (failed != 0) return std::unexpected(spec + ": " + gai_strerror(failed));
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
    address.length = list->ai_addrlen;
    freeaddrinfo(list);
    return address;
}

bool is_socket(const std::string& path) {
    struct stat status{};
    return lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Expected<Descriptor> open_stream(const Address& address) {
    Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return system_error("no socket");
    // No signal waits for the peer's word that the one before has come. Other streams than TCP have no such option.
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

}  // namespace

Expected<Carrier> Carrier::connect(const std::string& spec) {
    const auto address = parse_address(spec);
    if (!address) return std::unexpected(address.error());
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    for (;;) {
        auto fd = open_stream(*address);
        if (!fd) return std::unexpected(fd.error());
        if (::connect(fd->get(), address->get(), address->length) == 0) return Carrier(std::move(*fd), is_via(spec));
        const bool tried_enough = interrupted() || std::chrono::steady_clock::now() >= give_up;
        if (tried_enough) return system_error("nobody answers at " + spec);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

Expected<Carrier> Carrier::accept_one(const std::string& spec) {
    if (is_via(spec)) return connect(spec);
    const auto address = parse_address(spec);
    if (!address) return std::unexpected(address.error());
    auto listener = open_stream(*address);
    if (!listener) return std::unexpected(listener.error());
    const int on = 1;
    setsockopt(listener->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const std::string path = address->is_unix ? spec.substr(5) : "";
    if (is_socket(path)) unlink(path.c_str());  // left by one that was killed
    if (::bind(listener->get(), address->get(), address->length) != 0 || ::listen(listener->get(), 1) != 0) {
        return system_error("cannot listen at " + spec);
    }
    if (!wait_readable(listener->get(), -1)) {
        if (is_socket(path)) unlink(path.c_str());
        return std::unexpected("interrupted");
    }
    Descriptor fd(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (is_socket(path)) unlink(path.c_str());
    if (!fd) return system_error("cannot accept at " + spec);
    return Carrier(std::move(fd), false);
}

Expected<void> Carrier::send(Bytes frame) {
    if (unsent_.size() + frame.size() > max_unsent) return std::unexpected("the other side takes no signals");
    const std::size_t end = unsent_.size();
    unsent_.resize(end + 4 + frame.size());
    ByteWriter(MutableBytes(unsent_).subspan(end)).u32(static_cast<std::uint32_t>(frame.size())).bytes(frame);
    return flush();
}

Expected<void> Carrier::flush() {
    while (!unsent_.empty()) {
        const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return system_error("the carrier is gone");
        unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
    }
    return {};
}

std::optional<Buffer> Carrier::take_frame() {
    ByteReader in(pending_);
    const auto length = in.u32();
    if (!length) return std::nullopt;
    const auto body = in.take(*length);
    if (!body) return std::nullopt;
    Buffer frame = to_buffer(*body);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(4 + *length));
    return frame;
}

Expected<std::optional<Buffer>> Carrier::receive() {
    static_cast<void>(flush());  // where it fails, what came before still counts
    for (;;) {
        if (auto frame = take_frame()) return frame;
        if (pending_.size() > max_frame) return std::unexpected("the other side sent an oversized signal");
        std::array<std::byte, 4096> room;
        const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("the carrier is gone");
        if (size == 0) return std::unexpected("the other side closed the carrier");
        pending_.insert(pending_.end(), room.begin(), room.begin() + size);
    }
}

Expected<Buffer> Carrier::wait(int seconds) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    for (;;) {
        auto frame = receive();
        if (!frame) return std::unexpected(frame.error());
        if (*frame) return std::move(**frame);
        if (interrupted()) return std::unexpected("interrupted");
        if (std::chrono::steady_clock::now() >= give_up) return std::unexpected("the other side says nothing");
        static_cast<void>(wait_readable(fd_.get(), 100));
    }
}

}  // namespace sotto::app
