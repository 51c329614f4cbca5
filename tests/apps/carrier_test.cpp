// Signals over a stream whose other end takes its time.
#include "apps/sotto/carrier.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "interop/child_process.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::app;

namespace {

// Whoever listens at `path`, and reads when it is told to.
class Reader {
  public:
    explicit Reader(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(path, address.sun_path);
        REQUIRE(fd_);
        REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(::listen(fd_.get(), 1) == 0);
    }
    void accept() { fd_ = transport::net::Descriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
    // What has come, without waiting.
    Buffer read() const {
        Buffer came(1 << 20);
        const ssize_t size = ::recv(fd_.get(), came.data(), came.size(), MSG_DONTWAIT);
        came.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return came;
    }

  private:
    transport::net::Descriptor fd_;
};

Buffer signal(std::size_t number) { return Buffer(2798, static_cast<std::byte>(number)); }

}  // namespace

TEST_CASE("signals to somebody who reads nothing wait, whole and in order, and too many are refused") {
    const test::TemporaryFolder folder;
    Reader reader(folder.file("signals"));
    auto carrier = Carrier::connect("unix:" + folder.file("signals"));
    REQUIRE(carrier);
    reader.accept();
    std::size_t taken = 0;
    while (taken < 10'000 && carrier->send(signal(taken))) ++taken;
    CHECK(taken < 10'000);
    CHECK(carrier->send(signal(taken)).error().contains("takes no signals"));

    Buffer expected;
    for (std::size_t i = 0; i < taken; ++i) {
        const Buffer one = signal(i);
        expected.insert(expected.end(), {std::byte{0}, std::byte{0}, std::byte{0x0a}, std::byte{0xee}});
        expected.insert(expected.end(), one.begin(), one.end());
    }
    Buffer came;
    for (const test::Deadline deadline(std::chrono::seconds(60)); came.size() < expected.size();) {
        REQUIRE_FALSE(deadline.passed());
        const Buffer more = reader.read();
        came.insert(came.end(), more.begin(), more.end());
        REQUIRE(carrier->receive());
    }
    CHECK((came == expected));
    CHECK(carrier->send(signal(0)));
}
