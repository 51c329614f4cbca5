#include "bench/latency_path.h"

#include <poll.h>

#include <array>
#include <vector>

#include "bench/real_time.h"
#include "transport/net/udp_socket.h"
#include "transport/rtp.h"

namespace sotto::bench {
namespace {

std::size_t index(CallEnd end) { return static_cast<std::size_t>(end); }

// Datagrams on their way to one end, in memory set aside before.
class Inbox {
  public:
    void push(Bytes datagram) {
        require(end_ - first_ < slots_.size(), "more datagrams wait than there is room for");
        Slot& slot = slots_[end_++ % slots_.size()];
        slot.size = datagram.size();
        std::ranges::copy(datagram, slot.bytes.begin());
    }
    std::optional<Bytes> pop() {
        if (first_ == end_) return std::nullopt;
        const Slot& slot = slots_[first_++ % slots_.size()];
        return Bytes(slot.bytes).first(slot.size);
    }

  private:
    struct Slot {
        std::array<std::byte, transport::max_datagram> bytes{};
        std::size_t size = 0;
    };
    std::vector<Slot> slots_ = std::vector<Slot>(1024);
    std::size_t first_ = 0, end_ = 0;
};

class ProcessPath final : public Path {
  public:
    void send(CallEnd from, Bytes datagram, Instant) override { inboxes_[index(other(from))].push(datagram); }
    std::optional<Bytes> receive(CallEnd at, Instant) override { return inboxes_[index(at)].pop(); }

  private:
    std::array<Inbox, 2> inboxes_{};
};

class LoopbackPath final : public Path {
  public:
    explicit LoopbackPath(std::array<transport::net::UdpSocket, 2>&& sockets) : sockets_(std::move(sockets)) {}

    void send(CallEnd from, Bytes datagram, Instant) override {
        must(sockets_[index(from)].send(datagram), "cannot send on loopback");
    }
    std::optional<Bytes> receive(CallEnd at, Instant) override {
        return must(sockets_[index(at)].receive(room_), "cannot receive on loopback");
    }
    void wait(Instant until) override {
        std::array<pollfd, 2> waiting{pollfd{.fd = sockets_[0].descriptor(), .events = POLLIN, .revents = 0},
                                      pollfd{.fd = sockets_[1].descriptor(), .events = POLLIN, .revents = 0}};
        const Duration left = std::max(until - real_now(), Duration{});
        const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
        const std::timespec time{.tv_sec = whole.count(), .tv_nsec = (left - whole).count()};
        ::ppoll(waiting.data(), waiting.size(), &time, nullptr);
    }

  private:
    std::array<transport::net::UdpSocket, 2> sockets_;
    std::array<std::byte, transport::max_datagram> room_{};
};

class LinkPath final : public Path {
  public:
    LinkPath(const LinkPlan& plan, Instant start)
        : links_{test::Link(plan.conditions[0], plan.seed), test::Link(plan.conditions[1], plan.seed + 1)} {
        for (const LinkPlan::Change& change : plan.changes) {
            for (std::size_t i = 0; i < links_.size(); ++i) links_[i].change(start + change.at, change.conditions[i]);
        }
    }

    void send(CallEnd from, Bytes datagram, Instant now) override { links_[index(from)].send(datagram, now); }
    std::optional<Bytes> receive(CallEnd at, Instant now) override {
        Inbox& inbox = inboxes_[index(at)];
        links_[index(other(at))].deliver(now, [&](Bytes datagram) { inbox.push(datagram); });
        return inbox.pop();
    }
    Instant next() const override { return std::min(links_[0].next_arrival(), links_[1].next_arrival()); }

  private:
    std::array<test::Link, 2> links_;
    std::array<Inbox, 2> inboxes_{};
};

}  // namespace

void Path::wait(Instant until) { sleep_until(until); }

std::unique_ptr<Path> process_path() { return std::make_unique<ProcessPath>(); }

std::expected<std::unique_ptr<Path>, std::string> loopback_path() {
    auto one = transport::net::UdpSocket::bind("127.0.0.1"), two = transport::net::UdpSocket::bind("127.0.0.1");
    if (!one || !two || !one->connect(two->local_route()) || !two->connect(one->local_route())) {
        return std::unexpected("there are no UDP sockets on 127.0.0.1");
    }
    return std::make_unique<LoopbackPath>(std::array{std::move(*one), std::move(*two)});
}

std::unique_ptr<Path> link_path(const LinkPlan& plan, Instant start) { return std::make_unique<LinkPath>(plan, start); }

}  // namespace sotto::bench
