#include "apps/sotto/seed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "apps/sotto/private_file.h"
#include "crypto/durable_file.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

std::string cannot_write(const std::string& path) { return "cannot write the identity to " + path; }

// Nothing if another program made one meanwhile: that is the one that is kept.
Expected<std::optional<Account>> make_identity(const std::string& path) {
    Account made = Account::create();
    const auto seed = made.seed();  // a new identity's secret is here
    const SecretBuffer text = to_hex_line(seed->reveal());
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
    SecretBuffer text(2 * AccountSeed::size + 1);
    const auto size = fd ? ::read(fd.get(), text.fill().data(), text.size()) : -1;
    if (size < 0) return std::unexpected("cannot read the identity in " + path + ": " + std::strerror(errno));
    AccountSeed seed;
    if (!read_hex_line(text.reveal().first(static_cast<std::size_t>(size)), seed.fill())) {
        return std::unexpected(path + " holds no identity");
    }
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
