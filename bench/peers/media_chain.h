// Another program's way of a picture, from one codec to the other, for a figure beside ours in the same run.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>

#include "sotto/bytes.h"
#include "sotto/media.h"

namespace sotto::bench {

class MediaChain {
  public:
    virtual ~MediaChain() = default;
    // Sends a picture of the scene through the whole chain and waits until it comes out. Gives the microseconds of
    // processor time from where the encoder hands its frame on until the decoder is handed it.
    virtual double pass(const VideoFrame& picture) = 0;
};

// The same without codecs, for frames that follow each other.
class FrameChain {
  public:
    virtual ~FrameChain() = default;
    virtual double pass(std::span<const Buffer> frames) = 0;  // of all of them
};

// GStreamer's vp8enc ! rtpvp8pay ! srtpenc ! srtpdec ! rtpvp8depay ! vp8dec.
struct Gstreamer {
    std::unique_ptr<MediaChain> whole;
    // As applications run it: a queue and rtpjitterbuffer between both ends, each with a thread. Gives the processor
    // time of all threads but for what passes in the codec elements.
    std::unique_ptr<MediaChain> threaded;
    std::unique_ptr<FrameChain> between;
    std::string version;
};
// The error says what is missing.
std::expected<Gstreamer, std::string> open_gstreamer();

}  // namespace sotto::bench
