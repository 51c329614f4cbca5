// What bench/network says of a call: freezes, likeness and delay, on cases whose answers are known.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/network_peer/media.h"
#include "bench/network_peer/picture_quality.h"
#include "bench/network_peer/reception.h"

using namespace sotto;
using namespace sotto::bench;

namespace {

constexpr Instant start{std::chrono::seconds(1000)};
constexpr Duration frame_time = std::chrono::microseconds(33'333);
const Window window{.from = start + std::chrono::seconds(1), .to = start + std::chrono::seconds(3)};

Instant at_ms(int milliseconds) { return start + std::chrono::milliseconds(milliseconds); }

// Pictures 33 ms apart for three seconds, without those between the two instants.
std::vector<Instant> shown_without(Instant from, Instant to) {
    std::vector<Instant> shown;
    for (Instant at = start; at < window.to; at += frame_time) {
        if (at <= from || at >= to) shown.push_back(at);
    }
    return shown;
}

// A second of the test scene and voice in files, for as long as this lives.
class Files {
  public:
    Files() {
        std::filesystem::create_directories(folder_);
        write_test_pictures(pictures(), 1);
        write_test_speech(speech(), 1);
    }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;
    ~Files() { std::filesystem::remove_all(folder_); }

    std::string pictures() const { return folder_ / "pictures.y4m"; }
    std::string speech() const { return folder_ / "speech.wav"; }

  private:
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("sotto-network-test-" + std::to_string(::getpid()));
};

// Both media of a call in which everything takes `delay`; the window is all but its first second.
struct Exchange {
    Files files;
    Pictures pictures{files.pictures()};
    Speech speech{files.speech()};
    Reception reception{pictures, speech, window};

    void run(std::uint32_t first_timestamp, Duration delay) {
        for (std::uint64_t i = 0; i < 90; ++i) {
            const Instant captured = start + Duration(std::chrono::seconds(1)) * static_cast<std::int64_t>(i) / 30;
            const auto timestamp = first_timestamp + static_cast<std::uint32_t>(i) * 3000;
            reception.sent({.medium = Medium::video, .timestamp = timestamp, .position = i, .captured = captured});
            reception.shown(
                {.picture = pictures.frame(i, captured), .encoded = {}, .timestamp = timestamp, .captured = {}},
                captured + delay);
        }
        for (std::uint64_t i = 0; i < 150; ++i) {
            const Instant captured = start + std::chrono::milliseconds(20) * static_cast<std::int64_t>(i);
            const auto timestamp = first_timestamp + static_cast<std::uint32_t>(i) * 960;
            reception.sent(
                {.medium = Medium::audio, .timestamp = timestamp, .position = i * 960, .captured = captured});
            const auto samples = speech.samples(i * 960, 960);
            reception.played({.block = {.samples = samples}, .timestamp = timestamp, .captured = {}}, captured + delay);
        }
        reception.stats({});
        reception.stats({});
    }
};

}  // namespace

TEST_CASE("pictures in time are no freeze, and neither is a gap that the definition lets pass") {
    const Freezes none = freezes(shown_without(never, start), window);
    CHECK(none.count == 0);
    CHECK(none.seconds == 0);
    // The mean is 33 ms: more than 183 ms make a freeze.
    const Freezes almost = freezes(shown_without(at_ms(2000), at_ms(2130)), window);
    CHECK(almost.count == 0);
    CHECK(almost.longest_gap > 0.13);
}

TEST_CASE("a longer gap is a freeze of its length") {
    const Freezes found = freezes(shown_without(at_ms(2000), at_ms(2400)), window);
    CHECK(found.count == 1);
    CHECK(found.seconds >= 0.4);
    CHECK(found.seconds < 0.47);
    CHECK(found.longest_gap == doctest::Approx(found.seconds));
}

TEST_CASE("a picture that stays frozen to the end, and a call without pictures, are freezes") {
    const Freezes stuck = freezes(shown_without(at_ms(2500), never), window);
    CHECK(stuck.count == 1);
    CHECK(stuck.seconds == doctest::Approx(0.5).epsilon(0.1));
    const Freezes dark = freezes({}, window);
    CHECK(dark.count == 1);
    CHECK(dark.seconds == doctest::Approx(2));
}

TEST_CASE("only the part of a freeze that lies in the window counts") {
    const Freezes found = freezes(shown_without(at_ms(500), at_ms(1500)), window);
    CHECK(found.count == 1);
    CHECK(found.seconds == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("likeness is one for equal pictures and the formula's value for flat ones") {
    const std::vector<std::uint8_t> dark(16 * 16, 100), light(16 * 16, 110);
    CHECK(ssim(dark, dark, 16, 16) == doctest::Approx(1));
    CHECK(ssim(dark, light, 16, 16) == doctest::Approx((2.0 * 100 * 110 + 6.5025) / (100 * 100 + 110 * 110 + 6.5025)));
    CHECK(mean_squared_error(dark, light) == doctest::Approx(100));
    CHECK(psnr(1) == doctest::Approx(48.1308));
    CHECK(psnr(0) == 99);
}

TEST_CASE("a picture is scaled with its sample centres in place") {
    const Luma wide = scaled({.width = 2, .height = 1, .samples = {0, 100}}, 4, 2);
    CHECK(wide.samples == std::vector<std::uint8_t>{0, 25, 75, 100, 0, 25, 75, 100});
}

TEST_CASE("media that come as they were sent are told as such, with their delay") {
    for (const std::uint32_t first_timestamp : {5U, 0xffff'ff00U}) {  // once, time stamps wrap around
        CAPTURE(first_timestamp);
        Exchange call;
        call.run(first_timestamp, std::chrono::milliseconds(50));
        const auto report = call.reception.report();
        CHECK(report["video"]["e2e_ms_p50"] == "50");
        CHECK(report["video"]["e2e_ms_p99"] == "50");
        CHECK(report["video"]["fps"] == "30.0");
        CHECK(report["video"]["width"] == 640);
        CHECK(report["video"]["freezes"] == 0);
        CHECK(report["video"]["ssim"] == 1.0);
        CHECK(report["video"]["psnr_db"] == 99.0);
        CHECK(report["audio"]["mouth_to_ear_ms"] == 50.0);
        CHECK(report["audio"]["similarity"] == 1.0);
    }
}

TEST_CASE("a picture that is not the one captured then is less alike") {
    Exchange call;
    const Instant captured = window.from;
    call.reception.sent({.medium = Medium::video, .timestamp = 0, .position = 0, .captured = captured});
    call.reception.shown({.picture = call.pictures.frame(15, captured), .encoded = {}, .timestamp = 0, .captured = {}},
                         captured);
    call.reception.stats({});
    call.reception.stats({});
    const auto report = call.reception.report();
    CHECK(report["video"]["ssim"] < 0.9);
    CHECK(report["video"]["psnr_db"] < 30);
}
