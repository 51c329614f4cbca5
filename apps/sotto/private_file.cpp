#include "apps/sotto/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

using transport::net::Descriptor;

constexpr std::size_t max_size = 65536;

std::unexpected<std::string> failed(const std::string& what, const std::string& path) {
    return std::unexpected(what + " " + path + ": " + std::strerror(errno));
}

bool write_all(int fd, const std::string& text) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t written = ::write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Expected<std::string> read_all(int fd, const std::string& path) {
    std::string text;
    std::array<char, 4096> room;
    for (;;) {
        const ssize_t size = ::read(fd, room.data(), room.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return failed("cannot read", path);
        if (size == 0) return text;
        text.append(room.data(), static_cast<std::size_t>(size));
        if (text.size() > max_size) return std::unexpected(path + " is too large");
    }
}

}  // namespace

Expected<void> write_private_file(const std::string& path, const std::string& text) {
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

Expected<std::optional<std::string>> read_private_file(const std::string& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) return std::nullopt;
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) return failed("cannot read", path);
    if ((status.st_mode & 077) != 0) return std::unexpected("others may read " + path + ": chmod 600 it");
    auto text = read_all(fd.get(), path);
    if (!text) return std::unexpected(text.error());
    return std::move(*text);
}

Expected<std::string> read_first_line(const std::string& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed("cannot read", path);
    auto text = read_all(fd.get(), path);
    if (!text) return text;
    text->resize(std::min(text->find_first_of("\r\n"), text->size()));
    if (text->empty()) return std::unexpected(path + " begins with an empty line");
    return text;
}

}  // namespace sotto::app
