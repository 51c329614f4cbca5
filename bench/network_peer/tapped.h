// What network_tap.mjs kept of Chromium's call, judged as Sotto's is.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/network_peer/media.h"

namespace sotto::bench {

// Of the files "pictures" (each: u32 width, u32 height, luma), "said" and "heard" (48 kHz, from one instant on) in the
// folder: "ssim" and "psnr_db" against whichever source picture is nearest, since nothing tells which one it was;
// "mouth_to_ear_ms" and "similarity", where the sounds are most alike. Null for what is not there.
nlohmann::ordered_json judge_tapped(const std::string& folder, const Pictures& source);

}  // namespace sotto::bench
