#include "apps/sotto/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "sotto/identity.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

using transport::net::Descriptor;

constexpr std::size_t max_size = 65536;

std::unexpected<std::string> failed(const std::string& what, const std::string& path) {
    return std::unexpected(what + " " + path + ": " + std::strerror(errno));
}

bool write_all(int fd, Bytes rest) {
    while (!rest.empty()) {
        const ssize_t written = ::write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        rest = rest.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

SecretBuffer secret_copy(Bytes bytes) {
    SecretBuffer copy(bytes.size());
    std::ranges::copy(bytes, copy.fill().begin());
    return copy;
}

Expected<SecretBuffer> read_all(int fd, const std::string& path) {
    SecretBuffer room(max_size + 1);
    std::size_t size = 0;
    while (size < room.size()) {
        const ssize_t got = ::read(fd, room.fill().data() + size, room.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot read", path);
        if (got == 0) return secret_copy(room.reveal().first(size));
        size += static_cast<std::size_t>(got);
    }
    return std::unexpected(path + " is too large");
}

}  // namespace

Expected<void> write_private_file(const std::string& path, Bytes text) {
    const std::string beside = path + ".new";
    const Descriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::fchmod(fd.get(), 0600) != 0) return failed("cannot write", beside);
    if (!write_all(fd.get(), text) || ::fsync(fd.get()) != 0) return failed("cannot write", beside);
    if (std::rename(beside.c_str(), path.c_str()) != 0) return failed("cannot write", path);
    // The new name, too, has to be on the disk.
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return failed("cannot write", folder);
    return {};
}

void make_private_file(const std::string& path) {
    const Descriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

Expected<std::optional<SecretBuffer>> read_private_file(const std::string& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) return std::nullopt;
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) return failed("cannot read", path);
    if ((status.st_mode & 077) != 0) return std::unexpected("others may read " + path + ": chmod 600 it");
    auto text = read_all(fd.get(), path);
    if (!text) return std::unexpected(text.error());
    return std::move(*text);
}

Expected<SecretBuffer> read_first_line(const std::string& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed("cannot read", path);
    const auto file = read_all(fd.get(), path);
    if (!file) return std::unexpected(file.error());
    const std::string_view text = text_in(*file);
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    if (line.empty()) return std::unexpected(path + " begins with an empty line");
    return secret_copy(as_bytes(line));
}

std::string_view text_in(const SecretBuffer& file) {
    return {reinterpret_cast<const char*>(file.reveal().data()), file.size()};
}

SecretBuffer to_hex_line(Bytes key) {
    SecretBuffer line(2 * key.size() + 1);
    for (std::size_t i = 0; i < key.size(); ++i) {
        std::string digits = to_hex(key.subspan(i, 1));
        std::ranges::copy(as_bytes(digits), line.fill().subspan(2 * i).begin());
        wipe(digits.data(), digits.size());
    }
    line.fill().back() = std::byte{'\n'};
    return line;
}

bool read_hex_line(Bytes text, MutableBytes key) {
    if (text.size() < 2 * key.size()) return false;
    for (std::size_t i = 0; i < key.size(); ++i) {
        auto byte = from_hex({reinterpret_cast<const char*>(text.data()) + 2 * i, 2});
        if (!byte) return false;
        key[i] = byte->front();
        wipe(byte->data(), byte->size());
    }
    return true;
}

}  // namespace sotto::app
