// The arithmetic of repair packets, against the plainest way to do it.
#include "transport/gf256.h"

#include <memory>

#include "bench/subjects.h"
#include "sotto/random.h"
#include "transport/rtp.h"

namespace sotto::bench {
namespace {

using transport::gf256::multiply;

constexpr int packets = 200;  // a time

using Products = std::array<std::array<std::byte, 256>, 256>;

void add_by_table(MutableBytes to, Bytes from, const std::array<std::byte, 256>& times_factor) {
    for (std::size_t i = 0; i < from.size(); ++i) to[i] ^= times_factor[std::to_integer<std::size_t>(from[i])];
}

}  // namespace

void measure_gf256(const Run& run) {
    const auto products = std::make_unique<Products>();
    for (std::size_t a = 0; a < 256; ++a) {
        for (std::size_t b = 0; b < 256; ++b) {
            (*products)[a][b] = std::byte{multiply(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b))};
        }
    }
    Buffer packet(transport::max_media_payload), ours(packet.size()), theirs(packet.size());
    system_random().fill(packet);
    std::uint8_t factor_of_ours = 0, factor_of_theirs = 0;
    const auto [comparison] = interleave<1>(
        run.budget,
        [&] { return each(packets, [&] { transport::gf256::add_scaled(ours, packet, ++factor_of_ours); }); },
        [&] { return each(packets, [&] { add_by_table(theirs, packet, (*products)[++factor_of_theirs]); }); });
    require(ours == theirs, "the sums differ");
    run.report.add("gf256", "a packet times a factor, added", "by a table of products", comparison);
}

}  // namespace sotto::bench
