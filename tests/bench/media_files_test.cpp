// Pictures and sound from files: what is read of them, and what is refused.
#include "bench/media_files.h"

#include <doctest/doctest.h>

#include <fstream>

#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::bench;

namespace {

std::string written(const test::TemporaryFolder& folder, const std::string& bytes) {
    std::ofstream(folder.file("media"), std::ios::binary) << bytes;
    return folder.file("media");
}

// Pictures of 8 x 4, each of one shade.
std::string y4m(const std::string& header, const std::string& shades) {
    std::string bytes = header + "\n";
    for (const char shade : shades) bytes += "FRAME\n" + std::string(32, shade) + std::string(16, '\x80');
    return bytes;
}

std::string little(std::uint32_t value, int size) {
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
    return bytes;
}

std::string wav(std::uint32_t format, std::uint32_t channels, std::uint32_t rate, const std::string& samples) {
    const std::string fmt = little(format, 2) + little(channels, 2) + little(rate, 4) + little(rate * 2 * channels, 4) +
                            little(2 * channels, 2) + little(16, 2);
    const std::string chunks = "fmt " + little(16, 4) + fmt + "LIST" + little(3, 4) + std::string(4, 'x') + "data" +
                               little(static_cast<std::uint32_t>(samples.size()), 4) + samples;
    return "RIFF" + little(static_cast<std::uint32_t>(4 + chunks.size()), 4) + "WAVE" + chunks;
}

std::string ramp(int samples) {
    std::string bytes;
    for (int i = 0; i < samples; ++i) bytes += little(static_cast<std::uint32_t>(i), 2);
    return bytes;
}

}  // namespace

TEST_CASE("a Y4M file's pictures play forwards and backwards, at the size asked for") {
    const test::TemporaryFolder folder;
    const auto loop = PictureLoop::load(written(folder, y4m("YUV4MPEG2 W8 H4 F30:1 C420jpeg", "aks")), 16, 16, 30);
    REQUIRE(loop);
    CHECK(loop->size() == 3);
    std::string shades;
    for (std::size_t i = 0; i < 9; ++i) {
        const VideoFrame frame = loop->frame(i, Instant(std::chrono::seconds(i)));
        CHECK(frame.width == 16);
        CHECK(frame.height == 16);
        CHECK(frame.captured == Instant(std::chrono::seconds(i)));
        shades += static_cast<char>(frame.planes[0].data[5]);
    }
    CHECK(shades == "akskakska");
}

TEST_CASE("what is no Y4M file of 8 bits and 4:2:0, or ends early, is refused") {
    const test::TemporaryFolder folder;
    for (const char* const header : {"", "YUV4MPEG", "YUV4MPEG2", "YUV4MPEG2 W8", "YUV4MPEG2 W8 Hx", "YUV4MPEG2 W8 H-4",
                                     "YUV4MPEG2 W99999 H4", "YUV4MPEG2 W8 H4 C444", "YUV4MPEG2 W8 H4 C420p10"}) {
        CAPTURE(header);
        CHECK_FALSE(PictureLoop::load(written(folder, y4m(header, "ab")), 16, 16, 30));
    }
    const std::string good = y4m("YUV4MPEG2 W8 H4", "ab");
    CHECK(PictureLoop::load(written(folder, good), 16, 16, 30));
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK_FALSE(PictureLoop::load(written(folder, good.substr(0, size)), 16, 16, 30));
    }
    CHECK_FALSE(PictureLoop::load(folder.file("nothing"), 16, 16, 30));
}

TEST_CASE("a WAV file's first channel plays again and again, in blocks") {
    const test::TemporaryFolder folder;
    const auto mono = SoundLoop::load(written(folder, wav(1, 1, 48000, ramp(2000))));
    REQUIRE(mono);
    CHECK(mono->block(1, 480, {}).samples[0] == 480);
    CHECK(mono->block(4, 480, {}).samples[7] == 7);  // 2000 samples are four blocks
    CHECK(mono->block(0, 960, {}).samples.size() == 960);
    const auto stereo = SoundLoop::load(written(folder, wav(1, 2, 48000, ramp(2000))));
    REQUIRE(stereo);
    CHECK(stereo->block(0, 480, {}).samples[3] == 6);
}

TEST_CASE("what is no WAV file of 16 bits at 48 kHz, or too short, is refused, and never read beyond its end") {
    const test::TemporaryFolder folder;
    CHECK_FALSE(SoundLoop::load(written(folder, wav(3, 1, 48000, ramp(2000)))));
    CHECK_FALSE(SoundLoop::load(written(folder, wav(1, 1, 44100, ramp(2000)))));
    CHECK_FALSE(SoundLoop::load(written(folder, wav(1, 0, 48000, ramp(2000)))));
    CHECK_FALSE(SoundLoop::load(written(folder, wav(1, 1, 48000, ramp(900)))));
    const std::string good = wav(1, 1, 48000, ramp(1000));
    const std::size_t head = good.size() - 2000;
    for (std::size_t size = 0; size < head + 1919; ++size) {
        if (size > head && size % 97 != 0) continue;
        CHECK_FALSE(SoundLoop::load(written(folder, good.substr(0, size))));
    }
    CHECK(SoundLoop::load(written(folder, good.substr(0, head + 1920))));
    CHECK_FALSE(SoundLoop::load(folder.file("nothing")));
}
