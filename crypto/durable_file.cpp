#include "crypto/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace sotto::crypto {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    explicit operator bool() const { return number_ >= 0; }
    int get() const { return number_; }

  private:
    int number_;
};

bool write_all(int file, Bytes bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

// A new name is durable once its folder is.
bool sync_folder_of(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    const Descriptor opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened && ::fsync(opened.get()) == 0;
}

// Who may write in the folder may have put a link there.
bool fill_file(const std::string& path, Bytes bytes) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    return file && write_all(file.get(), bytes) && ::fsync(file.get()) == 0;
}

}  // namespace

Result<std::optional<Buffer>> read_small_file(const std::string& path, std::size_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        if (errno == ENOENT) return std::nullopt;
        return Failure(Error::io_failed);
    }
    Buffer bytes(limit + 1);
    std::size_t size = 0;
    while (size < bytes.size()) {
        const auto got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Failure(Error::io_failed);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > limit) return Failure(Error::too_large);
    bytes.resize(size);
    return bytes;
}

Result<void> replace_file(const std::string& path, Bytes bytes) {
    const auto beside = make_file_beside(path);
    if (!beside) return Failure(beside.error());
    if (!fill_file(*beside, bytes) || std::rename(beside->c_str(), path.c_str()) != 0) {
        ::unlink(beside->c_str());
        return Failure(Error::io_failed);
    }
    if (!sync_folder_of(path)) return Failure(Error::io_failed);
    return {};
}

Result<std::string> make_file_beside(const std::string& path) {
    std::string name = path + ".XXXXXX";
    const Descriptor made(::mkostemp(name.data(), O_CLOEXEC));  // POSIX: with mode 0600
    if (!made) return Failure(Error::io_failed);
    return name;
}

Result<void> move_into_place(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
        return Failure(errno == EEXIST ? Error::unavailable : Error::io_failed);
    }
    if (!sync_folder_of(to)) return Failure(Error::io_failed);
    return {};
}

}  // namespace sotto::crypto
