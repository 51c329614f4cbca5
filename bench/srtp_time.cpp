#include "bench/srtp_time.h"

#include <srtp2/srtp.h>

#include "bench/real_time.h"

namespace sotto::bench {
namespace {

constinit bool measured = false;
constinit Duration taken{};

using Operation = srtp_err_status_t (*)(srtp_t, void*, int*);

srtp_err_status_t pass(Operation operation, srtp_t session, void* packet, int* size) {
    if (!measured) return operation(session, packet, size);
    const Instant before = real_now();
    const srtp_err_status_t status = operation(session, packet, size);
    taken += real_now() - before;
    return status;
}

}  // namespace

void measure_srtp_time(bool on) {
    measured = on;
    taken = {};
}

Duration srtp_time() { return taken; }

}  // namespace sotto::bench

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
srtp_err_status_t __real_srtp_protect(srtp_t session, void* packet, int* size);
srtp_err_status_t __real_srtp_unprotect(srtp_t session, void* packet, int* size);
srtp_err_status_t __wrap_srtp_protect(srtp_t session, void* packet, int* size);
srtp_err_status_t __wrap_srtp_unprotect(srtp_t session, void* packet, int* size);

srtp_err_status_t __wrap_srtp_protect(srtp_t session, void* packet, int* size) {
    return sotto::bench::pass(__real_srtp_protect, session, packet, size);
}
srtp_err_status_t __wrap_srtp_unprotect(srtp_t session, void* packet, int* size) {
    return sotto::bench::pass(__real_srtp_unprotect, session, packet, size);
}
// NOLINTEND(bugprone-reserved-identifier)
}
