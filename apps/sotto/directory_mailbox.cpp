#include "apps/sotto/directory_mailbox.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sotto::app {
namespace {

namespace fs = std::filesystem;

std::optional<Buffer> read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return to_buffer(as_bytes(text));
}

// The sender by a letter's file name.
std::optional<Letter> addressed(const std::string& file) {
    const auto first = file.find('~');
    const auto last = file.rfind('~');
    if (first == std::string::npos || first == last) return std::nullopt;
    const auto key = from_hex(std::string_view(file).substr(last + 1));
    if (!key || key->size() != DeviceKey::size) return std::nullopt;
    Letter letter{.from = file.substr(first + 1, last - first - 1), .device = {}, .signal = {}};
    std::ranges::copy(*key, letter.device.key.begin());
    return letter;
}

}  // namespace

Expected<std::unique_ptr<Mailbox>> DirectoryMailbox::open(const std::string& path, const std::string& name,
                                                          const DeviceKey& device) {
    std::unique_ptr<DirectoryMailbox> made(new DirectoryMailbox(path, name, device));
    made->inbox_ = path + "/inbox/" + name + "/" + to_hex(device.key);
    std::error_code failed;
    if (!fs::is_directory(path, failed)) return std::unexpected("there is no mailbox in " + path);
    fs::create_directories(made->inbox_, failed);
    made->watch_ = transport::net::Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!made->watch_ || ::inotify_add_watch(made->watch_.get(), made->inbox_.c_str(), IN_MOVED_TO) < 0) {
        return std::unexpected("cannot use the mailbox " + made->inbox_);
    }
    return made;
}

Expected<void> DirectoryMailbox::write(const std::string& folder, const std::string& file, Bytes bytes) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    const std::string beside = path_ + "/" + to_hex(device_.key).substr(0, 16) + ".new";
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) return std::unexpected("cannot write in the mailbox " + path_);
    fs::rename(beside, folder + "/" + file, failed);
    if (failed) return std::unexpected("cannot write in the mailbox " + path_ + ": " + failed.message());
    return {};
}

Expected<void> DirectoryMailbox::publish(Bytes bundle) {
    return write(path_ + "/bundle/" + name_, to_hex(device_.key), bundle);
}

Expected<void> DirectoryMailbox::withdraw() {
    std::error_code failed;
    fs::remove(path_ + "/bundle/" + name_ + "/" + to_hex(device_.key), failed);
    if (!failed) fs::remove_all(inbox_, failed);
    if (failed) return std::unexpected("cannot write in the mailbox " + path_ + ": " + failed.message());
    return {};
}

Expected<std::vector<Buffer>> DirectoryMailbox::bundles_of(const std::string& name, std::chrono::milliseconds) {
    std::vector<Buffer> bundles;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(path_ + "/bundle/" + name, none)) {
        if (auto bundle = read_file(entry.path())) bundles.push_back(std::move(*bundle));
    }
    return bundles;
}

Expected<void> DirectoryMailbox::send(const std::string& to, const DeviceKey& device, Bytes signal) {
    const auto nanoseconds = std::chrono::system_clock::now().time_since_epoch().count();
    const std::string file =
        std::to_string(nanoseconds) + "." + std::to_string(sent_++) + "~" + name_ + "~" + to_hex(device_.key);
    return write(path_ + "/inbox/" + to + "/" + to_hex(device.key), file, signal);
}

void DirectoryMailbox::look() {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(inbox_, none)) waiting_.push_back(entry.path().filename().string());
    std::ranges::sort(waiting_);  // times have as many digits for the next 250 years
}

Expected<std::optional<Letter>> DirectoryMailbox::receive() {
    for (;;) {
        if (waiting_.empty()) look();
        if (waiting_.empty()) {
            // Only now may the descriptor fall silent; what came in between is found by the second look.
            std::array<char, 4096> events;
            while (::read(watch_.get(), events.data(), events.size()) > 0) continue;
            look();
        }
        if (waiting_.empty()) return std::nullopt;
        const fs::path path = fs::path(inbox_) / waiting_.front();
        auto letter = addressed(waiting_.front());
        waiting_.pop_front();
        auto signal = read_file(path);
        std::error_code none;
        fs::remove(path, none);
        if (!letter || !signal) continue;
        letter->signal = std::move(*signal);
        return letter;
    }
}

}  // namespace sotto::app
