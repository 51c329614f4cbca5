// The UDP socket of another process, as the kernel lists it in /proc/net/udp (proc(5)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace sotto::test {

struct UdpPort {
    std::uint16_t number = 0;
    std::size_t queued = 0;   // bytes of kernel memory that wait to be read
    std::size_t dropped = 0;  // datagrams that found no room
};

// The inodes behind its descriptors, which read "socket:[inode]".
inline std::set<std::string> sockets_of(pid_t pid) {
    std::set<std::string> inodes;
    std::error_code failed;
    std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        std::error_code closed;
        const std::string target = std::filesystem::read_symlink(entry->path(), closed).string();
        if (!closed && target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
    }
    return inodes;
}

// Its UDP port over IPv4; nothing while none is bound.
inline std::optional<UdpPort> udp_port_of(pid_t pid) {
    constexpr std::size_t local = 1, queues = 4, inode = 9, drops = 12;
    const std::set<std::string> inodes = sockets_of(pid);
    std::ifstream table("/proc/net/udp");
    for (std::string line; std::getline(table, line);) {
        std::istringstream words(line);
        const std::vector<std::string> field{std::istream_iterator<std::string>(words), {}};
        if (field.size() <= drops || !inodes.contains(field[inode])) continue;
        const auto after_colon = [&](std::size_t n) { return field[n].substr(field[n].find(':') + 1); };
        return UdpPort{.number = static_cast<std::uint16_t>(std::stoul(after_colon(local), nullptr, 16)),
                       .queued = std::stoul(after_colon(queues), nullptr, 16),
                       .dropped = std::stoul(field[drops])};
    }
    return std::nullopt;
}

}  // namespace sotto::test
