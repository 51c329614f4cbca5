// Many calls on one thread in virtual time, and bare codecs that do the same work.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "bench/bare_codec.h"
#include "bench/core_queue.h"
#include "bench/media_files.h"
#include "sim/two_party.h"

namespace sotto::bench {

struct FleetPlan {
    Medium medium = Medium::audio;
    std::size_t calls = 2;  // ends: two of them talk with each other, both ways
    int block_ms = 20;
    int width = 640, height = 360, fps = 30, bitrate = 800'000;
    double loss = 0;

    Duration interval() const {
        return medium == Medium::audio ? Duration(std::chrono::milliseconds(block_ms))
                                       : Duration(std::chrono::seconds(1)) / fps;
    }
};

// What a stretch of virtual time took.
struct Stretch {
    double cpu = 0;                 // microseconds of this thread
    std::vector<double> responses;  // of the frames, in microseconds: see CoreQueue
    std::size_t sent = 0, shown = 0;
    std::size_t bytes = 0;  // of what the encoders made, or the calls sent
};

class CallFleet {
  public:
    CallFleet(const FleetPlan& plan, const PictureLoop& pictures, const SoundLoop& sound);
    Stretch run(Duration time);

    double memory() const;      // bytes of one call by its own count, without its codecs
    int video_bitrate() const;  // that the encoders aim at, on average
    bool full_size() const;     // all pictures are as large as they were captured

  private:
    struct EndOfCall {
        Call* call = nullptr;
        test::Link* out = nullptr;
        test::Link* in = nullptr;
        std::size_t peer = 0;
        Instant next_frame{};
        std::size_t frames = 0;
        std::vector<Buffer> arrived{}, leaving{};  // of one job
        std::size_t arrived_count = 0, leaving_count = 0;
    };
    struct Turn {
        Instant at{};
        std::size_t end = 0;
        bool operator>(const Turn& other) const { return std::tie(at, end) > std::tie(other.at, other.end); }
    };
    void turn(EndOfCall& end, Stretch& stretch);
    bool work(EndOfCall& end, bool due, Stretch& stretch);
    void give(EndOfCall& end);
    Instant next(const EndOfCall& end) const;
    void schedule(std::size_t index);

    FleetPlan plan_;
    const PictureLoop& pictures_;
    const SoundLoop& sound_;
    std::vector<std::unique_ptr<test::TwoParty>> worlds_;
    std::vector<EndOfCall> ends_;
    std::vector<Instant> scheduled_;  // the turn of each end that counts; others in the queue are of the past
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns_;
    Instant now_{std::chrono::seconds(1000)};
    CoreQueue core_;
};

class BareFleet {
  public:
    // `video_bitrate`: bit/s, as the calls' encoders have it.
    BareFleet(const FleetPlan& plan, const PictureLoop& pictures, const SoundLoop& sound, int video_bitrate);
    Stretch run(Duration time);

  private:
    double work(std::size_t end, Stretch& stretch);

    FleetPlan plan_;
    const PictureLoop& pictures_;
    const SoundLoop& sound_;
    std::vector<BareVp8Encoder> video_encoders_;
    std::vector<BareVp8Decoder> video_decoders_;
    std::vector<BareOpusEncoder> audio_encoders_;
    std::vector<BareOpusDecoder> audio_decoders_;
    std::vector<std::int16_t> samples_;
    std::size_t frames_ = 0;  // so far, of each end
    Instant now_{std::chrono::seconds(1000)};
    CoreQueue core_;
};

}  // namespace sotto::bench
