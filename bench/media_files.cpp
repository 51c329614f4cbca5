#include "bench/media_files.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/sotto/test_source.h"
#include "codec/scale.h"

namespace sotto::bench {
namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20;
constexpr std::size_t most_pictures = 60;
constexpr std::size_t voice_samples = 2 * 48000;
constexpr std::size_t most_samples = 60 * 48000;
constexpr int largest_side = 4096;

std::size_t pictures_for(int width, int height) {
    const auto bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3 / 2;
    return std::clamp<std::size_t>(most_bytes / bytes, 4, most_pictures);
}

struct Size {
    int width = 0, height = 0;
};

// "YUV4MPEG2 W640 H360 F30:1 C420jpeg": the size, if it is one of ours.
std::optional<Size> y4m_size(const std::string& header) {
    std::istringstream words(header);
    std::string word;
    if (!(words >> word) || word != "YUV4MPEG2") return {};
    Size size;
    while (words >> word) {
        const auto value = [&](int& into) {
            const char* const end = word.data() + word.size();
            return std::from_chars(word.data() + 1, end, into).ptr == end && into >= 2 && into <= largest_side;
        };
        if (word[0] == 'W' && !value(size.width)) return {};
        if (word[0] == 'H' && !value(size.height)) return {};
        // 8 bits, 4:2:0, wherever the chroma samples lie.
        if (word[0] == 'C' && (!word.starts_with("C420") || word.starts_with("C420p"))) {
            if (word != "C420paldv") return {};
        }
    }
    if (size.width == 0 || size.height == 0) return {};
    return size;
}

bool read_picture(std::istream& file, codec::I420Buffer& picture) {
    std::string header;
    if (!std::getline(file, header) || !header.starts_with("FRAME")) return false;
    for (int i = 0; i < 3; ++i) {
        const auto plane = picture.plane(i);
        if (!file.read(reinterpret_cast<char*>(plane.data()), static_cast<std::streamsize>(plane.size()))) return false;
    }
    return true;
}

std::expected<std::vector<codec::I420Buffer>, std::string> read_y4m(const std::string& path, int width, int height) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected("cannot read " + path);
    std::string header;
    std::getline(file, header);
    const auto size = y4m_size(header);
    if (!size) return std::unexpected(path + " is not a Y4M file of 8 bits and 4:2:0");
    auto read = codec::I420Buffer::create(size->width, size->height);
    std::vector<codec::I420Buffer> pictures;
    while (read && pictures.size() < pictures_for(width, height) && read_picture(file, *read)) {
        auto picture = codec::I420Buffer::create(width, height);
        if (!picture || !codec::scale(read->view({}), *picture)) return std::unexpected("cannot scale " + path);
        pictures.push_back(std::move(*picture));
    }
    if (pictures.size() < 2) return std::unexpected(path + " has fewer than two pictures");
    return pictures;
}

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
    return value;
}

// The samples of the first channel; empty if it is not such a file.
std::vector<std::int16_t> parse_wav(std::string_view rest) {
    if (rest.size() < 12 || !rest.starts_with("RIFF") || rest.substr(8, 4) != "WAVE") return {};
    std::size_t channels = 0;
    for (rest.remove_prefix(12); rest.size() >= 8;) {
        const std::string_view name = rest.substr(0, 4);
        const std::string_view chunk = rest.substr(8, little_endian(rest.substr(4, 4)));
        if (name == "fmt " && chunk.size() >= 16) {
            const bool pcm = little_endian(chunk.substr(0, 2)) == 1 && little_endian(chunk.substr(14, 2)) == 16;
            if (!pcm || little_endian(chunk.substr(4, 4)) != audio_rate) return {};
            channels = little_endian(chunk.substr(2, 2));
        } else if (name == "data" && channels > 0) {
            std::vector<std::int16_t> samples;
            for (std::size_t i = 0; i + 2 * channels <= chunk.size() && samples.size() < most_samples;
                 i += 2 * channels) {
                samples.push_back(static_cast<std::int16_t>(little_endian(chunk.substr(i, 2))));
            }
            return samples;
        }
        rest.remove_prefix(std::min(rest.size(), 8 + chunk.size() + chunk.size() % 2));
    }
    return {};
}

}  // namespace

std::expected<PictureLoop, std::string> PictureLoop::load(const std::string& source, int width, int height,
                                                          int frame_rate) {
    PictureLoop loop;
    if (source != "test") {
        auto read = read_y4m(source, width, height);
        if (!read) return std::unexpected(read.error());
        loop.pictures_ = std::move(*read);
        return loop;
    }
    for (std::size_t i = 0; i < pictures_for(width, height); ++i) {
        auto picture = codec::I420Buffer::create(width, height);
        if (!picture) return std::unexpected("no pictures have that size");
        app::render_scene(i, frame_rate, *picture);
        loop.pictures_.push_back(std::move(*picture));
    }
    return loop;
}

VideoFrame PictureLoop::frame(std::size_t index, Instant captured) const {
    const std::size_t period = 2 * pictures_.size() - 2;
    const std::size_t at = index % period;
    return pictures_[at < pictures_.size() ? at : period - at].view(captured);
}

std::expected<SoundLoop, std::string> SoundLoop::load(const std::string& source) {
    SoundLoop sound;
    if (source == "test") {
        sound.samples_.resize(voice_samples);
        app::render_voice(0, sound.samples_, 1);
        return sound;
    }
    std::ifstream file(source, std::ios::binary);
    if (!file) return std::unexpected("cannot read " + source);
    std::string bytes(most_bytes, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    sound.samples_ = parse_wav(std::string_view(bytes).substr(0, static_cast<std::size_t>(file.gcount())));
    constexpr std::size_t least = 960;
    if (sound.samples_.size() < least) return std::unexpected(source + " is not a WAV file of 16 bits at 48 kHz");
    return sound;
}

AudioBlock SoundLoop::block(std::size_t index, std::size_t frames, Instant captured) const {
    const std::size_t blocks = samples_.size() / frames;
    return {.samples = std::span(samples_).subspan(index % blocks * frames, frames), .captured = captured};
}

}  // namespace sotto::bench
