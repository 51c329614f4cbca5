#include "bench/network_peer/media.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "apps/sotto/test_source.h"
#include "bench/measure.h"
#include "transport/net/udp_socket.h"

namespace sotto::bench {
namespace {

static_assert(std::endian::native == std::endian::little, "WAVE files are read as they lie there");

constexpr std::string_view frame_header = "FRAME\n";
constexpr std::array<std::string_view, 4> color_spaces{"C420", "C420jpeg", "C420mpeg2", "C420paldv"};

std::span<const char> map(const std::string& path) {
    const transport::net::Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    require(fd && fstat(fd.get(), &status) == 0 && status.st_size > 0, ("cannot read " + path).c_str());
    const auto size = static_cast<std::size_t>(status.st_size);
    void* start = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    require(start != MAP_FAILED, ("cannot map " + path).c_str());
    return {static_cast<const char*>(start), size};
}

template <class Number>
void append(std::string& bytes, Number value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string wave_header(std::size_t samples) {
    const auto size = static_cast<std::uint32_t>(samples * 2);
    std::string header = "RIFF";
    append<std::uint32_t>(header, size + 36);
    header += "WAVEfmt ";
    append<std::uint32_t>(header, 16);
    append<std::uint16_t>(header, 1);  // PCM
    append<std::uint16_t>(header, 1);  // channels
    append<std::uint32_t>(header, audio_rate);
    append<std::uint32_t>(header, audio_rate * 2);
    append<std::uint16_t>(header, 2);   // bytes a sample
    append<std::uint16_t>(header, 16);  // bits a sample
    header += "data";
    append<std::uint32_t>(header, size);
    return header;
}

void write_plane(std::ofstream& file, std::span<const std::uint8_t> samples) {
    file.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(samples.size()));
}

}  // namespace

Pictures::Pictures(const std::string& path) : file_(map(path)) { read_header(path); }

Pictures::~Pictures() { munmap(const_cast<char*>(file_.data()), file_.size()); }

void Pictures::read_header(const std::string& path) {
    const std::string unusable = path + " is not a YUV4MPEG2 file of 8-bit 4:2:0 pictures";
    const auto end = std::ranges::find(file_, '\n');
    require(end != file_.end(), unusable.c_str());
    std::istringstream words(std::string(file_.begin(), end));
    std::string word;
    words >> word;
    require(word == "YUV4MPEG2", unusable.c_str());
    while (words >> word) {
        int* number = word[0] == 'W' ? &width_ : word[0] == 'H' ? &height_ : nullptr;
        if (number != nullptr) std::from_chars(word.data() + 1, word.data() + word.size(), *number);
        const bool usable = word[0] != 'C' || std::ranges::find(color_spaces, word) != color_spaces.end();
        require(usable, unusable.c_str());
    }
    require(width_ > 0 && height_ > 0 && width_ % 2 == 0 && height_ % 2 == 0, unusable.c_str());
    first_ = static_cast<std::size_t>(end - file_.begin()) + 1;
    count_ = (file_.size() - first_) / (frame_header.size() + picture_size());
    require(count_ > 0, unusable.c_str());
}

std::size_t Pictures::luma_size() const { return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_); }

std::size_t Pictures::picture_size() const { return luma_size() * 3 / 2; }

std::span<const std::uint8_t> Pictures::luma(std::uint64_t index) const {
    const std::size_t at = first_ + index % count_ * (frame_header.size() + picture_size());
    require(std::string_view(file_.data() + at, frame_header.size()) == frame_header,
            "a picture of the file has parameters of its own");
    return {reinterpret_cast<const std::uint8_t*>(file_.data() + at + frame_header.size()), luma_size()};
}

VideoFrame Pictures::frame(std::uint64_t index, Instant captured) const {
    const std::uint8_t* const y = luma(index).data();
    const auto stride = static_cast<std::size_t>(width_);
    const std::uint8_t* const u = y + luma_size();
    return {.width = width_,
            .height = height_,
            .planes = {{{y, stride}, {u, stride / 2}, {u + luma_size() / 4, stride / 2}}},
            .captured = captured};
}

Speech::Speech(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const std::string unusable = path + " is not a WAVE file of 48 kHz mono 16-bit PCM";
    require(bytes.size() > 12 && bytes.starts_with("RIFF") && bytes.compare(8, 4, "WAVE") == 0, unusable.c_str());
    bool format_known = false;
    for (std::size_t at = 12; at + 8 <= bytes.size();) {
        std::uint32_t said = 0;
        std::memcpy(&said, bytes.data() + at + 4, sizeof(said));
        const std::size_t size = std::min<std::size_t>(said, bytes.size() - at - 8);
        const std::string_view name(bytes.data() + at, 4);
        const std::string_view body(bytes.data() + at + 8, size);
        if (name == "fmt ") format_known = body.starts_with(std::string_view(wave_header(0)).substr(20, 16));
        if (name == "data") {
            samples_.resize(size / 2);
            std::memcpy(samples_.data(), body.data(), samples_.size() * 2);
        }
        at += 8 + size + size % 2;
    }
    require(format_known && !samples_.empty(), unusable.c_str());
}

std::vector<std::int16_t> Speech::samples(std::uint64_t position, std::size_t count) const {
    std::vector<std::int16_t> taken(count);
    for (std::size_t i = 0; i < count; ++i) taken[i] = samples_[(position + i) % samples_.size()];
    return taken;
}

void write_test_pictures(const std::string& path, int seconds) {
    constexpr int width = 640, height = 360, frame_rate = 30;
    std::ofstream file(path, std::ios::binary);
    file << "YUV4MPEG2 W" << width << " H" << height << " F" << frame_rate << ":1 Ip A1:1 C420jpeg\n";
    auto picture = must(codec::I420Buffer::create(width, height), "cannot make a picture");
    for (int i = 0; i < seconds * frame_rate; ++i) {
        app::render_scene(static_cast<std::uint64_t>(i), frame_rate, picture);
        file << frame_header;
        for (const int plane : {0, 1, 2}) write_plane(file, picture.plane(plane));
    }
    require(file.flush().good(), ("cannot write " + path).c_str());
}

void write_test_speech(const std::string& path, int seconds) {
    std::vector<std::int16_t> samples(static_cast<std::size_t>(seconds) * audio_rate);
    app::render_voice(0, samples, 1);
    std::ofstream file(path, std::ios::binary);
    file << wave_header(samples.size());
    file.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(samples.size() * 2));
    require(file.flush().good(), ("cannot write " + path).c_str());
}

}  // namespace sotto::bench
