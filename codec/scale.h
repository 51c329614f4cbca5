// Pictures made smaller or larger, by libyuv.
#pragma once

#include "codec/i420.h"

namespace sotto::codec {

// The same picture at the size of `to`: a mean over the samples that each new one covers, or between its neighbours.
// Error::unsupported_media for a picture without planes or of another size than 1 to 16383.
Result<void> scale(const VideoFrame& from, I420Buffer& to);

}  // namespace sotto::codec
