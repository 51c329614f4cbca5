#include "transport/send_indication.h"

#include <algorithm>

#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

// RFC 8489 §5, RFC 8656 §17 and §18.
constexpr std::uint16_t send_indication = 0x0016;
constexpr std::uint32_t magic_cookie = 0x2112a442;
constexpr std::uint16_t xor_peer_address = 0x0012;
constexpr std::uint16_t data_attribute = 0x0013;
constexpr std::size_t longest = 0xffff - 64;

// RFC 8489 §14.2: the address by the cookie and, for IPv6, the transaction too.
std::array<std::byte, 16> covered(const IpAddress& peer, const StunTransaction& transaction) {
    std::array<std::byte, 16> mask{};
    ByteWriter(mask).u32(magic_cookie).bytes(transaction);
    std::ranges::transform(peer.bytes, mask, mask.begin(), [](std::byte a, std::byte b) { return a ^ b; });
    return mask;
}

}  // namespace

Result<std::size_t> write_send_indication(const IpAddress& peer, std::uint16_t port, Bytes datagram,
                                          const StunTransaction& transaction, MutableBytes out) {
    if (datagram.size() > longest) return Failure(Error::too_large);
    constexpr std::array<std::byte, 3> zeros{};
    const std::size_t padding = (4 - datagram.size() % 4) % 4;
    const std::size_t address = peer.used().size();
    const auto peer_size = static_cast<std::uint16_t>(4 + address);
    const auto data_size = static_cast<std::uint16_t>(datagram.size());
    ByteWriter writer(out);
    writer.u16(send_indication).u16(static_cast<std::uint16_t>(4 + peer_size + 4 + data_size + padding));
    writer.u32(magic_cookie).bytes(transaction);
    writer.u16(xor_peer_address).u16(peer_size).u8(0).u8(peer.v6 ? 2 : 1);
    writer.u16(static_cast<std::uint16_t>(port ^ (magic_cookie >> 16)));
    writer.bytes(Bytes(covered(peer, transaction)).first(address));
    writer.u16(data_attribute).u16(data_size).bytes(datagram).bytes(Bytes(zeros).first(padding));
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

}  // namespace sotto::transport
