// What libsrtp2 takes of this program's time: its two calls for media pass here first (the linker's --wrap).
#pragma once

#include "sotto/time.h"

namespace sotto::bench {

// Wall time in srtp_protect() and srtp_unprotect() since measure_srtp_time(true); calls are not timed before.
void measure_srtp_time(bool on);
Duration srtp_time();

}  // namespace sotto::bench
