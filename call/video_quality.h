// What pictures are sent as: their size, rate and layers and the encoder's speed, by what the path and the device can
// do.
#pragma once

#include "sotto/stats.h"
#include "sotto/time.h"

namespace sotto::call {

struct VideoQuality {
    int width = 640;
    int height = 360;
    int frame_rate = 30;
    int layers = 1;     // temporal ones
    int cpu_used = -6;  // Vp8Settings
    bool operator==(const VideoQuality&) const = default;
};

// Worse at once, better only when it has been possible for some seconds: each new size costs a key frame.
class VideoAdaptation {
  public:
    // `captured`: what the camera gives and the encoder begins with; never more than that.
    explicit VideoAdaptation(const VideoQuality& captured);

    // One frame took the encoder so long.
    void encoded(Duration took);
    // The share of the time between two frames that the peer's decoder took of late, for pictures of the present size.
    void peer_decoded(double load, Instant now);
    // `bitrate`: the encoder's, bit/s; `unrepaired`: the share of packets that repair does not bring in time.
    const VideoQuality& choose(int bitrate, double unrepaired, Instant now);

    // The share of a frame's time that the encoder takes of late; 0 before enough frames tell.
    double load() const;
    // Why pictures are smaller or fewer than the camera's, the path first (W3C webrtc-stats).
    QualityLimitationReason limitation() const;

  private:
    struct Level {
        int rung = 0;       // of the ladder of sizes
        bool slow = false;  // fewer frames
        bool operator==(const Level&) const = default;
    };
    Level level_for(double bitrate) const;
    void follow_path(int bitrate, Instant now);
    void follow_loss(double unrepaired, Instant now);
    void follow_device(Instant now);
    double pixels(int rung) const;
    void apply();
    int speeds() const;
    int present_rung() const;

    VideoQuality captured_;
    VideoQuality present_;
    int rungs_ = 1;
    Level level_;                   // that the path allows
    int judged_ = -1;               // bit/s, of which these are:
    Level bearable_, comfortable_;  // at most, and with room to spare
    bool stays_slow_ = false;       // for want of room for twice as many frames
    bool begun_ = false;
    Instant better_since_ = never;        // the path has allowed more
    Instant fewer_layers_since_ = never;  // the losses have
    int relief_ = 0;                      // steps for the device: faster speeds first, then smaller sizes
    Instant eased_since_ = never;         // the device has had time to spare
    Duration ease_wait_;
    bool eased_ = false;                // relief was taken back since the last step
    Duration encode_time_{};            // smoothed
    int timed_ = 0;                     // frames since the last step
    int peer_rung_ = 0;                 // the largest that the peer's decoder keeps up with
    Instant sized_ = Instant::min();    // when the size last changed: what the peer says looks back a while
    Instant peer_eased_since_ = never;  // the peer has had time to spare
};

}  // namespace sotto::call
