#include "codec/vp8_layers.h"

#include <vpx/vp8cx.h>

#include <algorithm>
#include <array>

namespace sotto::codec {
namespace {

constexpr vpx_enc_frame_flags_t last_alone = VP8_EFLAG_NO_REF_GF | VP8_EFLAG_NO_REF_ARF;
constexpr vpx_enc_frame_flags_t keeps_base = VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ENTROPY;

int pattern_length(int layers) { return layers == 3 ? 4 : layers; }

std::uint8_t layer_at(int layers, int position) {
    constexpr std::array<std::uint8_t, 4> three{0, 2, 1, 2};
    return layers == 3 ? three[static_cast<std::size_t>(position)] : static_cast<std::uint8_t>(position);
}

std::uint8_t index_after(std::uint8_t index) { return (index + 1) & 0x1f; }  // RFC 7741 §4.2: KEYIDX has 5 bits

// Layer 1 of three is kept as the alternate reference, which only the frame after it may refer to.
vpx_enc_frame_flags_t enhancement(int layers, int position) {
    if (layers == 3 && position == 2) return keeps_base | last_alone;
    if (layers == 3 && position == 3) return keeps_base | VP8_EFLAG_NO_UPD_ARF | VP8_EFLAG_NO_REF_GF;
    return keeps_base | VP8_EFLAG_NO_UPD_ARF | last_alone;
}

}  // namespace

Vp8Layers::Plan Vp8Layers::plan(const Vp8FrameOptions& options) const {
    const bool key = options.key || (options.from_golden && !golden_);
    const bool begins_pattern = key || options.from_golden || options.mark_golden;
    Plan plan{.layers = std::clamp(options.layers, 1, 3)};
    plan.position = plan.layers == layers_ && !begins_pattern ? position_ : 0;
    plan.plain = (plain_ || key) && plan.layers == 1 && !options.mark_golden;
    const std::uint8_t layer = layer_at(plan.layers, plan.position);
    EncodedFrame& frame = plan.description;
    frame.key = key;
    if (plan.layers > 1) frame.temporal_layer = layer;
    frame.non_reference = layer > 0 && layer == plan.layers - 1;
    frame.layer_sync = layer > 0 && plan.position < 3;
    frame.tl0_pic_idx = static_cast<std::uint8_t>(tl0_pic_idx_ + (layer == 0 ? 1 : 0));
    if (options.mark_golden) {
        frame.key_index = index_after(key_index_);
    } else if (options.from_golden && !key) {
        frame.key_index = key_index_;
    }

    if (key) {
        plan.flags = VPX_EFLAG_FORCE_KF;
    } else if (layer > 0) {
        plan.flags = enhancement(plan.layers, plan.position);
    } else if (!plan.plain) {
        plan.flags = VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_ARF;
        if (!options.mark_golden) plan.flags |= VP8_EFLAG_NO_UPD_GF;
        if (golden_ && !options.mark_golden) plan.flags |= VP8_EFLAG_NO_UPD_ENTROPY;
        if (options.from_golden) plan.flags |= VP8_EFLAG_NO_REF_LAST;
    }
    return plan;
}

EncodedFrame Vp8Layers::encoded(Plan plan, bool key) {
    EncodedFrame& frame = plan.description;
    // Every key frame becomes the golden frame (RFC 6386 §9.7), but only a marked one can be named.
    if (key) golden_ = false;
    const bool marked = frame.key_index && *frame.key_index != key_index_;
    if (marked) {
        golden_ = true;
        key_index_ = *frame.key_index;
    }
    frame.key = key;
    plain_ = plan.plain;
    tl0_pic_idx_ = frame.tl0_pic_idx;
    layers_ = plan.layers;
    position_ = (plan.position + 1) % pattern_length(plan.layers);
    return frame;
}

}  // namespace sotto::codec
