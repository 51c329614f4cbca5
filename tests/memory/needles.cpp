#include "memory/needles.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <sstream>

#include "sotto/secret.h"

namespace sotto::test {
namespace {

constexpr std::uint64_t mask = 0x9e3779b97f4a7c15;
constexpr std::uint64_t likely_bits = (1 << 20) - 1;

// The one place where memory is copied to look at it, and therefore the one place that is not searched.
std::array<std::byte, 1 << 16> window;

// In place, so that even an unoptimised build leaves no plain copy.
void masked_from(const std::byte* from, std::uint64_t& to) {
    std::memcpy(&to, from, sizeof(to));
    to ^= mask;
}

struct Mapping {
    std::uintptr_t begin = 0, end = 0;
    std::string name;
};

std::vector<Mapping> writable_mappings() {
    std::vector<Mapping> mappings;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        Mapping mapping;
        std::string permissions, offset, device, inode;
        char dash = 0;
        std::istringstream fields(line);
        fields >> std::hex >> mapping.begin >> dash >> mapping.end >> permissions >> offset >> device >> inode;
        std::getline(fields >> std::ws, mapping.name);
        if (permissions.starts_with("rw")) mappings.push_back(std::move(mapping));
    }
    return mappings;
}

bool inside_window(std::uintptr_t address) {
    const auto begin = reinterpret_cast<std::uintptr_t>(window.data());
    return address >= begin && address < begin + window.size();
}

}  // namespace

Needles& Needles::all() {
    static Needles needles;
    return needles;
}

void Needles::add(const char* what, Bytes secret) {
    for (; secret.size() >= size; secret = secret.subspan(size)) {
        Needle needle{.what = what};
        masked_from(secret.data(), needle.first);
        masked_from(secret.data() + 8, needle.second);
        if (!by_first_.try_emplace(needle.first, needles_.size()).second) continue;
        likely_[needle.first & likely_bits] = true;
        needles_.push_back(needle);
    }
}

void Needles::clear() { *this = Needles(); }

const Needles::Needle* Needles::at(const std::byte* bytes) const {
    std::uint64_t first = 0, second = 0;
    masked_from(bytes, first);
    if (!likely_[first & likely_bits]) return nullptr;
    const auto found = by_first_.find(first);
    if (found == by_first_.end()) return nullptr;
    masked_from(bytes + 8, second);
    const Needle& needle = needles_[found->second];
    return needle.second == second ? &needle : nullptr;
}

std::vector<Needles::Found> Needles::search() const {
    std::vector<Found> found;
    const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    for (const Mapping& mapping : writable_mappings()) {
        // Windows overlap by less than a needle, so that none is cut in two.
        for (std::uintptr_t start = mapping.begin; start + size <= mapping.end; start += window.size() - (size - 1)) {
            const std::size_t wanted = std::min<std::size_t>(window.size(), mapping.end - start);
            const ssize_t got = ::pread(memory, window.data(), wanted, static_cast<off_t>(start));
            for (std::size_t i = 0; i + size <= static_cast<std::size_t>(std::max<ssize_t>(got, 0)); ++i) {
                const Needle* const needle = inside_window(start + i) ? nullptr : at(window.data() + i);
                if (needle != nullptr)
                    found.push_back({needle->what, mapping.name.empty() ? "anonymous" : mapping.name});
            }
        }
    }
    ::close(memory);
    wipe(window.data(), window.size());
    return found;
}

}  // namespace sotto::test
