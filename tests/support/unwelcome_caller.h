// Who rings and may not, as often as it likes, and what the program holds meanwhile.
#pragma once

#include <doctest/doctest.h>
#include <malloc.h>

#include <array>
#include <optional>

#include "call/signal.h"
#include "crypto/locked.h"
#include "crypto/session.h"
#include "sotto/account.h"

namespace sotto::test {

// Why somebody may not ring.
enum class Lack { known, capability, right_one, unrevoked };
// More of those whose sessions may be given up than are kept.
inline constexpr std::array five{Lack::known, Lack::capability, Lack::capability, Lack::right_one, Lack::unrevoked};

struct UnwelcomeCaller {
    UnwelcomeCaller(Account& to, Random& source, Lack lacks)
        : random(source),
          lack(lacks),
          device(crypto::Device::generate(crypto::Identity::generate(random), random)),
          session(*crypto::Session::initiate(device, *crypto::parse_bundle(*to.bundle()), random)) {
        if (lack == Lack::known) return;
        const std::string name = "contact " + to_hex(Bytes(device.identity().key).first(8));
        REQUIRE(to.contacts().meet(name, device.identity()));
        if (lack == Lack::capability) return;
        keep(*to.grant(device.identity(), crypto::encode(prekeys.publish(device))));
        if (lack == Lack::unrevoked) REQUIRE(to.revoke(device.identity()));
        if (lack == Lack::right_one) shown->fill()[31] ^= std::byte{1};
    }

    Buffer offer() {
        call::Offer offer{.streams = {.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}}};
        if (shown) offer.capability = shown->reveal();
        call::CallSignal signal{.call = {}, .body = offer};
        random.fill(signal.call.bytes);
        return session.seal(*call::encode(signal), crypto::Step::keep)->message;
    }

    Random& random;
    Lack lack;
    crypto::Device device;
    crypto::PrekeyStore prekeys = crypto::PrekeyStore::generate(0, random);
    crypto::Session session;
    std::optional<crypto::Capability> shown{};

  private:
    void keep(Bytes grant) {
        const auto opened = crypto::Session::accept(device, prekeys, grant, random);
        const auto signal = call::parse_signal(opened->first.plaintext);
        shown = crypto::copy_capability(std::get<call::Grant>(signal->body).capability);
    }
};

// All that the program holds, whoever asked for it.
inline std::size_t held() { return mallinfo2().uordblks + crypto::locked_memory().in_use; }

}  // namespace sotto::test
