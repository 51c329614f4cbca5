// What two people compare to know that nobody stands between them: four symbols while they talk, a code when they meet.
#pragma once

#include <array>
#include <string_view>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"

namespace sotto {

// One of 64, to show and to say aloud.
struct SasSymbol {
    std::string_view emoji;  // UTF-8, one code point
    std::string_view word;   // English, in lower case

    friend bool operator==(const SasSymbol&, const SasSymbol&) = default;
};

// The short authentication string of one call, for people who have never compared a safety number: both sides show the
// same four, and whoever stands between has one guess in 2^24 at that.
using ShortAuth = std::array<SasSymbol, 4>;

// What a QR code holds that `ours` shows to whom it takes for `theirs`: 65 bytes.
SOTTO_API Buffer qr_payload(const PublicIdentity& ours, const PublicIdentity& theirs);

// Whether a scanned code is shown by `theirs` and means us. Errors: truncated, malformed, unsupported_version,
// wrong_identity.
SOTTO_API Result<void> check_qr(Bytes scanned, const PublicIdentity& ours, const PublicIdentity& theirs);

}  // namespace sotto
