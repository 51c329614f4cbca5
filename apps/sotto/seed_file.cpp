#include "apps/sotto/seed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

// 64 hexadecimal digits and a line's end, wiped afterwards: no string or stream keeps a copy of the seed.
using SeedText = Secret<struct SeedTextRole, 2 * AccountSeed::size + 1>;

Expected<Account> make_identity(const std::string& path) {
    const transport::net::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    Account made = Account::create();
    const auto seed = made.seed();  // a new identity's secret is here
    SeedText text;
    for (std::size_t i = 0; i < AccountSeed::size; ++i) {
        std::string digits = to_hex(seed->reveal().subspan(i, 1));
        text.fill()[2 * i] = static_cast<std::byte>(digits[0]);
        text.fill()[2 * i + 1] = static_cast<std::byte>(digits[1]);
    }
    text.fill().back() = std::byte{'\n'};
    const auto written = fd ? ::write(fd.get(), text.reveal().data(), SeedText::size) : -1;
    if (written != static_cast<ssize_t>(SeedText::size)) return std::unexpected("cannot write the identity to " + path);
    return made;
}

}  // namespace

Expected<Account> open_account(const std::string& path) {
    if (path.empty()) return Account::create();
    const transport::net::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return make_identity(path);
    SeedText text;
    const auto size = ::read(fd.get(), text.fill().data(), SeedText::size);
    AccountSeed seed;
    bool whole = size >= static_cast<ssize_t>(2 * AccountSeed::size);
    for (std::size_t i = 0; whole && i < AccountSeed::size; ++i) {
        const auto* const digits = reinterpret_cast<const char*>(text.reveal().data()) + 2 * i;
        const auto byte = from_hex(std::string_view(digits, 2));
        whole = byte.has_value();
        if (whole) seed.fill()[i] = byte->front();
    }
    if (!whole) return std::unexpected(path + " holds no identity");
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || (status.st_mode & 077) != 0) {
        return std::unexpected("others may read " + path + ": chmod 600 it");
    }
    return Account::restore(seed);
}

}  // namespace sotto::app
