#include "apps/sotto/seed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "crypto/durable_file.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

// 64 hexadecimal digits and a line's end, wiped afterwards: no string or stream keeps a copy of the seed.
using SeedText = Secret<struct SeedTextRole, 2 * AccountSeed::size + 1>;

std::string cannot_write(const std::string& path) { return "cannot write the identity to " + path; }

// Nothing if another program made one meanwhile: that is the one that is kept.
Expected<std::optional<Account>> make_identity(const std::string& path) {
    Account made = Account::create();
    const auto seed = made.seed();  // a new identity's secret is here
    SeedText text;
    for (std::size_t i = 0; i < AccountSeed::size; ++i) {
        std::string digits = to_hex(seed->reveal().subspan(i, 1));
        text.fill()[2 * i] = static_cast<std::byte>(digits[0]);
        text.fill()[2 * i + 1] = static_cast<std::byte>(digits[1]);
    }
    text.fill().back() = std::byte{'\n'};
    const auto beside = crypto::make_file_beside(path);
    if (!beside) return std::unexpected(cannot_write(path));
    const auto written = crypto::replace_file(*beside, text.reveal());
    const auto placed = written ? crypto::move_into_place(*beside, path) : written;
    if (placed) return made;
    ::unlink(beside->c_str());
    if (placed.error() == Error::unavailable) return std::nullopt;
    return std::unexpected(cannot_write(path));
}

// Nothing where there is no such file.
Expected<std::optional<Account>> read_identity(const std::string& path) {
    const transport::net::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) return std::nullopt;
    SeedText text;
    const auto size = fd ? ::read(fd.get(), text.fill().data(), SeedText::size) : -1;
    if (size < 0) return std::unexpected("cannot read the identity in " + path + ": " + std::strerror(errno));
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

}  // namespace

Expected<Account> open_account(const std::string& path) {
    if (path.empty()) return Account::create();
    auto account = read_identity(path);
    if (account && !*account) account = make_identity(path);
    if (account && !*account) account = read_identity(path);
    if (!account) return std::unexpected(account.error());
    if (!*account) return std::unexpected(cannot_write(path));
    return std::move(**account);
}

}  // namespace sotto::app
