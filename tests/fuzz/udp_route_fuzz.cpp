// Routes from a peer: one that is taken leads to the port it names, by one address without anything hidden behind it.
#include "fuzz/route.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto v4 = transport::net::UdpSocket::bind("127.0.0.1");
    static auto v6 = transport::net::UdpSocket::bind("::1");
    const std::string_view route(reinterpret_cast<const char*>(data), size);
    for (auto* socket : {&v4, &v6}) {
        if (!*socket || !(*socket)->connect(route)) continue;
        check((*socket)->connected() && !route.contains('\0'));
        check(fuzz::leads_to_named_port(**socket, route));
    }
    return 0;
}
