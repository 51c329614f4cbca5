// A session as a record: Session::save() and restore(). Integers are big-endian.
//
//     version = 1 (1) || flags (1) || peer (32) || its device (32) || AD (64) || base key EK_A (32), if responder
//     root key (32) || NHKs (32) || NHKr (32) || messages of the last sending chain (4)
//     answered:     the peer's X25519 ratchet key (32) || its KEM key (1184)
//     not answered: the private halves of our X25519 (32) and KEM (2400) ratchet keys
//     receiving:    HKr (32) || chain key (32) || Nr (4) || keys
//     past chains (1), oldest first, each: header key (32) || keys
//     skipped keys given up (8)
//     keys = count (2) || count times: number (4) || message key (32) || export secret (32), numbers ascending
//
// There is no sending chain in it: see docs/protocol.md, "Sessions". What restore() accepts save() writes again, byte
// for byte.
#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/session_state.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t record_version = 1;

enum Flag : std::uint8_t { responder = 1, sealed = 2, answered = 4, receiving = 8, all_flags = 15 };

constexpr std::size_t skipped_key_size = 4 + 32 + 32;
constexpr std::size_t beginning_size = 2 + 32 + 32 + 64;
constexpr std::size_t keys_size = 3 * 32 + 4;

std::size_t size_of(const SkippedKeys& skipped) { return 2 + skipped.size() * skipped_key_size; }

constexpr std::size_t turn_size(bool is_answered) { return 32 + (is_answered ? sizeof(KemPublic) : KemPrivate::size); }

void write(const SkippedKeys& skipped, ByteWriter& out) {
    out.u16(static_cast<std::uint16_t>(skipped.size()));
    for (const SkippedKey& kept : skipped) {
        out.u32(kept.number).bytes(kept.keys.key.reveal()).bytes(kept.keys.exported.reveal());
    }
}

// Of a field that is known to be there.
template <class Role, std::size_t N>
void read(ByteReader& in, Secret<Role, N>& secret) {
    std::ranges::copy(*in.take(N), secret.fill().begin());
}
template <std::size_t N>
void read(ByteReader& in, std::array<std::byte, N>& bytes) {
    std::ranges::copy(*in.take(N), bytes.begin());
}

// Numbers ascend and are below `end`.
Result<SkippedKeys> read_skipped(ByteReader& in, std::uint32_t end) {
    const auto count = in.u16();
    if (!count) return Failure(count.error());
    if (in.remaining() < *count * skipped_key_size) return Failure(Error::truncated);
    if (*count > Session::max_skipped) return Failure(Error::malformed);
    SkippedKeys skipped(*count);
    for (std::size_t i = 0; i < skipped.size(); ++i) {
        SkippedKey& kept = skipped[i];
        kept.number = *in.u32();
        if (kept.number >= end || (i > 0 && kept.number <= skipped[i - 1].number)) return Failure(Error::malformed);
        read(in, kept.keys.key);
        read(in, kept.keys.exported);
    }
    return skipped;
}

Result<void> read_turn(ByteReader& in, bool is_answered, Ratchet& ratchet) {
    if (in.remaining() < turn_size(is_answered)) return Failure(Error::truncated);
    if (is_answered) {
        DueStep& theirs = ratchet.turn.emplace<DueStep>();
        read(in, theirs.ratchet.bytes);
        read(in, theirs.kem.bytes);
        if (!is_valid(theirs.kem)) return Failure(Error::malformed);
        return {};
    }
    AwaitedStep& own = ratchet.turn.emplace<AwaitedStep>();
    read(in, own.ratchet.secret);
    own.ratchet.shared = public_of(own.ratchet.secret);
    read(in, own.kem.emplace());
    return {};
}

Result<void> read_receiving(ByteReader& in, Ratchet& ratchet) {
    if (in.remaining() < 32 + 32 + 4) return Failure(Error::truncated);
    ReceivingChain& chain = ratchet.receiving.emplace();
    read(in, chain.header);
    read(in, chain.chain);
    chain.next = *in.u32();
    auto skipped = read_skipped(in, chain.next);
    if (!skipped) return Failure(skipped.error());
    chain.skipped = std::move(*skipped);
    return {};
}

Result<void> read_past(ByteReader& in, Ratchet& ratchet) {
    const auto count = in.u8();
    if (!count) return Failure(count.error());
    if (*count > Ratchet::max_past || (*count > 0 && !ratchet.receiving)) return Failure(Error::malformed);
    ratchet.past.resize(*count);
    for (PastChain& chain : ratchet.past) {
        if (in.remaining() < 32) return Failure(Error::truncated);
        read(in, chain.header);
        auto skipped = read_skipped(in, last_message);
        if (!skipped) return Failure(skipped.error());
        chain.skipped = std::move(*skipped);
    }
    return {};
}

}  // namespace

SecretBuffer Session::save() const {
    const Ratchet& ratchet = state_->ratchet;
    const bool is_answered = ratchet.answered();
    std::size_t size = beginning_size + (state_->base_key ? 32 : 0) + keys_size + turn_size(is_answered) + 1 + 8;
    if (ratchet.receiving) size += 32 + 32 + 4 + size_of(ratchet.receiving->skipped);
    for (const PastChain& chain : ratchet.past) size += 32 + size_of(chain.skipped);

    SecretBuffer record(size);
    ByteWriter out(record.fill());
    const int flags = (state_->base_key ? responder : 0) | (ratchet.sealed ? sealed : 0) |
                      (is_answered ? answered : 0) | (ratchet.receiving ? receiving : 0);
    out.u8(record_version)
        .u8(static_cast<std::uint8_t>(flags))
        .bytes(state_->peer.key)
        .bytes(state_->peer_device.key)
        .bytes(ratchet.associated);
    if (state_->base_key) out.bytes(state_->base_key->bytes);
    out.bytes(ratchet.root.reveal()).bytes(ratchet.next_sending.reveal()).bytes(ratchet.next_receiving.reveal());
    out.u32(ratchet.sent());
    if (const auto* theirs = std::get_if<DueStep>(&ratchet.turn)) {
        out.bytes(theirs->ratchet.bytes).bytes(theirs->kem.bytes);
    } else {
        const auto& own = std::get<AwaitedStep>(ratchet.turn);
        out.bytes(own.ratchet.secret.reveal()).bytes(own.kem->reveal());
    }
    if (ratchet.receiving) {
        const ReceivingChain& chain = *ratchet.receiving;
        out.bytes(chain.header.reveal()).bytes(chain.chain.reveal()).u32(chain.next);
        write(chain.skipped, out);
    }
    out.u8(static_cast<std::uint8_t>(ratchet.past.size()));
    for (const PastChain& chain : ratchet.past) {
        out.bytes(chain.header.reveal());
        write(chain.skipped, out);
    }
    out.u64(ratchet.given_up);
    return record;
}

Result<Session> Session::restore(Bytes record, Random& random) {
    ByteReader in(record);
    const auto version = in.u8();
    if (!version) return Failure(version.error());
    if (*version != record_version) return Failure(Error::unsupported_version);
    const auto flags = in.u8();
    if (!flags) return Failure(flags.error());
    if ((*flags & ~all_flags) != 0) return Failure(Error::malformed);
    // Only a step of theirs makes one of ours due; and whoever responds has opened a message.
    if ((*flags & (answered | responder)) != 0 && (*flags & receiving) == 0) return Failure(Error::malformed);
    const std::size_t fixed = beginning_size - 2 + ((*flags & responder) != 0 ? 32 : 0) + keys_size;
    if (in.remaining() < fixed) return Failure(Error::truncated);

    auto state = std::make_unique<State>(random, PublicIdentity{}, DeviceKey{});
    Ratchet& ratchet = state->ratchet;
    read(in, state->peer.key);
    read(in, state->peer_device.key);
    read(in, ratchet.associated);
    if ((*flags & responder) != 0) read(in, state->base_key.emplace().bytes);
    read(in, ratchet.root);
    read(in, ratchet.next_sending);
    read(in, ratchet.next_receiving);
    ratchet.ended = *in.u32();
    ratchet.sealed = (*flags & sealed) != 0;

    const auto turn = read_turn(in, (*flags & answered) != 0, ratchet);
    if (!turn) return Failure(turn.error());
    if ((*flags & receiving) != 0) {
        const auto chain = read_receiving(in, ratchet);
        if (!chain) return Failure(chain.error());
    }
    const auto past = read_past(in, ratchet);
    if (!past) return Failure(past.error());
    const auto given_up = in.u64();
    if (!given_up) return Failure(given_up.error());
    ratchet.given_up = *given_up;
    if (!in.empty()) return Failure(Error::malformed);
    const std::size_t limit = ratchet.sealed ? Session::max_skipped : Session::max_skipped_unanswered;
    if (ratchet.skipped_held() > limit) return Failure(Error::malformed);
    return Session(std::move(state));
}

}  // namespace sotto::crypto
