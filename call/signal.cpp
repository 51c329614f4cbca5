#include "call/signal.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::call {
namespace {

constexpr std::uint8_t version = 1;

enum class Kind : std::uint8_t {
    offer = 1,
    answer,
    route,
    hang_up,
    reveal,
    rekey,
    rekeyed,
    grant,
    ringing,
    media,
    pictures,
};

constexpr std::size_t streams_size = 16;
constexpr std::uint8_t audio_flag = 1;
constexpr std::uint8_t video_flag = 2;
constexpr std::uint8_t direct_flag = 4;
constexpr auto last_reason = static_cast<std::uint8_t>(EndReason::elsewhere);
constexpr std::uint8_t muted_flag = 1;
constexpr std::uint8_t camera_off_flag = 2;
constexpr std::uint8_t held_flag = 4;

void write_streams(ByteWriter& out, const StreamOffer& streams) {
    const int flags =
        (streams.audio ? audio_flag : 0) | (streams.video ? video_flag : 0) | (streams.direct ? direct_flag : 0);
    out.u8(static_cast<std::uint8_t>(flags))
        .u8(streams.audio_channels)
        .u8(streams.audio_block_ms)
        .u8(0)
        .u32(streams.audio_ssrc.value)
        .u32(streams.video_ssrc.value)
        .u32(streams.repair_ssrc.value);
}

Result<StreamOffer> parse_streams(ByteReader& in) {
    const auto flags = in.u8();
    const auto channels = in.u8();
    const auto block_ms = in.u8();
    const auto reserved = in.u8();
    const auto audio_ssrc = in.u32();
    const auto video_ssrc = in.u32();
    const auto repair_ssrc = in.u32();
    if (!repair_ssrc) return Failure(Error::malformed);
    if ((*flags & ~(audio_flag | video_flag | direct_flag)) != 0 || *reserved != 0) return Failure(Error::malformed);
    if (*channels != 1 && *channels != 2) return Failure(Error::malformed);
    if (*block_ms != 10 && *block_ms != 20) return Failure(Error::malformed);
    const bool distinct = *audio_ssrc != *video_ssrc && *audio_ssrc != *repair_ssrc && *video_ssrc != *repair_ssrc;
    if (!distinct) return Failure(Error::malformed);
    return StreamOffer{.audio = (*flags & audio_flag) != 0,
                       .video = (*flags & video_flag) != 0,
                       .direct = (*flags & direct_flag) != 0,
                       .audio_channels = *channels,
                       .audio_block_ms = *block_ms,
                       .audio_ssrc = Ssrc{*audio_ssrc},
                       .video_ssrc = Ssrc{*video_ssrc},
                       .repair_ssrc = Ssrc{*repair_ssrc}};
}

struct BodyWriter {
    ByteWriter& out;
    void write_media(const StreamOffer& streams, const SasBytes& sas, std::uint32_t number, Bytes rest) const {
        out.u16(static_cast<std::uint16_t>(streams_size + sas.size() + 4 + rest.size()));
        write_streams(out, streams);
        out.bytes(sas).u32(number).bytes(rest);
    }
    void operator()(const Offer& offer) const {
        write_media(offer.streams, offer.commitment, offer.number,
                    offer.capability ? Bytes(*offer.capability) : Bytes());
    }
    void operator()(const Answer& answer) const {
        write_media(answer.streams, answer.nonce, answer.number,
                    answer.withdrawn ? Bytes(answer.withdrawn->bytes) : Bytes());
    }
    void operator()(const Route& route) const {
        out.u16(static_cast<std::uint16_t>(route.route.size())).bytes(route.route);
    }
    void operator()(const HangUp& hang_up) const { out.u16(1).u8(static_cast<std::uint8_t>(hang_up.reason)); }
    void operator()(const Reveal& reveal) const { out.u16(32).bytes(reveal.nonce); }
    void operator()(const Rekey& rekey) const { out.u16(4).u32(rekey.generation); }
    void operator()(const Rekeyed& rekeyed) const { out.u16(4).u32(rekeyed.generation); }
    void operator()(const Grant& grant) const { out.u16(36).u32(grant.number).bytes(grant.capability); }
    void operator()(const Ringing&) const { out.u16(0); }
    void operator()(const MediaNotice& media) const {
        const auto& [muted, camera_off, held] = media.status;
        const int flags = (muted ? muted_flag : 0) | (camera_off ? camera_off_flag : 0) | (held ? held_flag : 0);
        out.u16(5).u32(media.number).u8(static_cast<std::uint8_t>(flags));
    }
    void operator()(const Pictures& pictures) const { out.u16(1).u8(static_cast<std::uint8_t>(pictures.say)); }
};

Result<Offer> parse_offer(ByteReader& in) {
    const auto streams = parse_streams(in);
    if (!streams) return Failure(streams.error());
    const auto commitment = in.array<32>();
    const auto number = in.u32();
    if (!commitment || !number || *number == 0) return Failure(Error::malformed);
    Offer offer{.streams = *streams, .commitment = *commitment, .capability = {}, .number = *number};
    const Bytes rest = in.rest();
    if (rest.empty()) return offer;
    if (rest.size() != crypto::Capability::size) return Failure(Error::malformed);
    offer.capability = rest.first<crypto::Capability::size>();
    return offer;
}

Result<Answer> parse_answer(ByteReader& in) {
    const auto streams = parse_streams(in);
    if (!streams) return Failure(streams.error());
    const auto nonce = in.array<32>();
    const auto number = in.u32();
    if (!nonce || !number) return Failure(Error::malformed);
    Answer answer{.streams = *streams, .nonce = *nonce, .withdrawn = {}, .number = *number};
    if (const auto withdrawn = in.array<CallId::size>()) answer.withdrawn = CallId{*withdrawn};
    if (!in.empty()) return Failure(Error::malformed);
    return answer;
}

Result<Grant> parse_grant(const CallId& call, Bytes body) {
    ByteReader in(body);
    const auto number = in.u32();
    const bool formed = number && *number != 0 && in.remaining() == crypto::Capability::size && call == CallId{};
    if (!formed) return Failure(Error::malformed);
    return Grant{*number, in.rest().first<crypto::Capability::size>()};
}

Result<MediaNotice> parse_media(ByteReader& in) {
    const auto number = in.u32();
    const auto flags = in.u8();
    if (!number || !flags || !in.empty()) return Failure(Error::malformed);
    if ((*flags & ~(muted_flag | camera_off_flag | held_flag)) != 0) return Failure(Error::malformed);
    return MediaNotice{.number = *number,
                       .status = {.muted = (*flags & muted_flag) != 0,
                                  .camera_off = (*flags & camera_off_flag) != 0,
                                  .held = (*flags & held_flag) != 0}};
}

Result<CallSignal> parse_body(CallSignal signal, std::uint8_t kind, Bytes body) {
    ByteReader in(body);
    const auto say = [&](const auto& parsed) -> Result<CallSignal> {
        if (!parsed) return Failure(parsed.error());
        signal.body = *parsed;
        return signal;
    };
    switch (static_cast<Kind>(kind)) {
        case Kind::offer: return say(parse_offer(in));
        case Kind::answer: return say(parse_answer(in));
        case Kind::grant: return say(parse_grant(signal.call, body));
        case Kind::media: return say(parse_media(in));
        case Kind::ringing:
            if (!body.empty()) return Failure(Error::malformed);
            signal.body = Ringing{};
            return signal;
        case Kind::pictures:
            if (body.size() != 1 || body[0] > static_cast<std::byte>(Pictures::Say::refuse)) {
                return Failure(Error::malformed);
            }
            signal.body = Pictures{static_cast<Pictures::Say>(body[0])};
            return signal;
        case Kind::route:
            if (body.empty() || body.size() > Route::max_size) return Failure(Error::malformed);
            signal.body = Route{body};
            return signal;
        case Kind::hang_up:
            if (body.size() != 1 || std::to_integer<std::uint8_t>(body[0]) > last_reason) {
                return Failure(Error::malformed);
            }
            signal.body = HangUp{static_cast<EndReason>(body[0])};
            return signal;
        case Kind::reveal: {
            const auto nonce = in.array<32>();
            if (!nonce || !in.empty()) return Failure(Error::malformed);
            signal.body = Reveal{*nonce};
            return signal;
        }
        case Kind::rekey:
        case Kind::rekeyed: {
            const auto generation = in.u32();
            if (!generation || !in.empty()) return Failure(Error::malformed);
            if (static_cast<Kind>(kind) == Kind::rekey) {
                signal.body = Rekey{*generation};
            } else {
                signal.body = Rekeyed{*generation};
            }
            return signal;
        }
    }
    return Failure(Error::malformed);
}

}  // namespace

Result<std::array<std::byte, signal_size>> encode(const CallSignal& signal) {
    if (const auto* route = std::get_if<Route>(&signal.body)) {
        if (route->route.size() > Route::max_size) return Failure(Error::too_large);
    }
    std::array<std::byte, signal_size> plaintext{};
    ByteWriter out(plaintext);
    out.u8(version).u8(static_cast<std::uint8_t>(signal.body.index() + 1)).bytes(signal.call.bytes);
    std::visit(BodyWriter{out}, signal.body);
    return plaintext;
}

Result<CallSignal> parse_signal(Bytes plaintext) {
    ByteReader in(plaintext);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    if (plaintext.size() < signal_size) return Failure(Error::truncated);
    if (plaintext.size() > signal_size) return Failure(Error::malformed);
    const auto kind = in.u8();
    const auto call = in.array<CallId::size>();
    const auto length = in.u16();
    const auto body = in.take(*length);
    if (!body) return Failure(Error::truncated);
    const Bytes padding = in.rest();
    if (std::ranges::any_of(padding, [](std::byte b) { return b != std::byte{0}; })) return Failure(Error::malformed);
    return parse_body(CallSignal{.call = CallId{*call}, .body = HangUp{}}, *kind, *body);
}

}  // namespace sotto::call
