// Two people in one program: what a client does, with function calls for the network between them.
#include <sotto/account.h>

#include <cstdio>
using namespace sotto;

// Carries what `from` gives out to the other side; counts the blocks of sound heard at `from`.
int pump(Call& from, Account& peer, std::optional<Call>& to, Instant now) {
    int heard = 0;
    while (auto out = from.poll(now)) {
        if (auto* signal = std::get_if<Signal>(&*out)) {  // by your server, which can't read it
            if (auto rings = peer.receive(signal->bytes, now); rings && *rings) to = std::move(**rings);
        } else if (auto* datagram = std::get_if<Datagram>(&*out)) {  // by your socket
            (void)to->receive(datagram->bytes, now);                 // what is refused is counted in stats()
        } else if (std::holds_alternative<PlayedBlock>(*out)) {
            ++heard;
        }
    }
    return heard;
}

int main() {
    Account alice = Account::create(), bob = Account::create();
    Instant now{};  // your clock's; the library reads none
    // Only contacts ring, unless the policy says else, and only by a capability: Bob's device sends Alice's one.
    if (!bob.contacts().meet("Alice", alice.identity()) || !alice.contacts().meet("Bob", bob.identity())) return 1;
    if (!alice.receive(bob.grant(alice.identity(), alice.bundle().value()).value(), now)) return 1;
    const Buffer bundle = bob.bundle().value();
    std::optional<Call> at_bob, at_alice = alice.dial(bob.identity(), bundle, {.video = false}, now).value();
    pump(*at_alice, bob, at_bob, now);  // the offer arrives: Bob's side rings, and Bob accepts
    if (!at_bob || !at_bob->accept({.video = false}, now)) return 1;
    const std::array<std::int16_t, 480> microphone{};  // 10 ms at 48 kHz
    int heard = 0;
    for (int i = 0; i < 100; ++i, now += std::chrono::milliseconds(10)) {
        (void)at_alice->send(AudioBlock{.samples = microphone, .captured = now}, now);
        pump(*at_alice, bob, at_bob, now);
        heard += pump(*at_bob, alice, at_alice, now);
    }
    std::printf("safety number %s, %d blocks heard\n", at_bob->safety_number().c_str(), heard);
    return heard > 80 ? 0 : 1;
}
