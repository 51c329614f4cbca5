// A decoder of repair packets that obeys a program, beside the stream that its sender protects.
#pragma once

#include <map>

#include "fuzz/harness.h"
#include "transport/fec.h"

namespace sotto::fuzz {

class FecRun {
  public:
    void step(Program& program) {
        switch (program.u8() % 4) {
            case 0: send(program, false); break;
            case 1: send(program, true); break;
            case 2: repair(program); break;
            default: make_up(program);
        }
        take();
        const transport::FecCounts& counts = decoder_.counts();
        check(decoder_.held() <= transport::FecDecoder::max_held && decoder_.memory() == memory_);
        check(inserted_ == counts.unneeded + counts.used + counts.dropped + counts.out_of_reach + counts.contradicted +
                               decoder_.held());
        check(refused_ == counts.refused);
    }

  private:
    struct Packet {
        transport::FecSource source;  // without the payload
        Buffer payload;
        transport::FecSource whole() const { return {source.sequence, source.timestamp, source.marker, payload}; }
    };
    struct Came final : transport::FecSources {
        std::map<std::int64_t, Packet> packets;
        std::optional<transport::FecSource> find(std::int64_t extended) const override {
            const auto found = packets.find(extended);
            return found == packets.end() ? std::nullopt : std::optional(found->second.whole());
        }
    };

    void send(Program& program, bool lost) {
        const std::uint8_t look = program.u8();
        Packet packet{{{static_cast<std::uint16_t>(++newest_)}, {look * 3000U}, look % 2 == 1, {}},
                      Buffer(look * std::size_t{4} + 1, std::byte{look})};
        sent_[newest_] = packet;
        sent_.erase(newest_ - 1000);
        came_.packets.erase(newest_ - transport::FecDecoder::reach);
        if (!lost) came_.packets[newest_] = std::move(packet);
    }

    // Of the last packets that were sent.
    void repair(Program& program) {
        std::vector<transport::FecSource> window;
        const auto before = static_cast<std::int64_t>(program.u8() % transport::max_fec_window);
        for (std::int64_t number = newest_ - before; number <= newest_; ++number) {
            if (sent_.contains(number)) window.push_back(sent_[number].whole());
        }
        std::array<std::byte, transport::max_rtp_payload> out;
        const auto size = transport::write_fec(window, own_, out);
        check(size.has_value() == !window.empty());
        if (size) insert(std::span(out).first(*size));
    }

    void make_up(Program& program) {
        honest_ = false;
        insert(program.bytes(program.u8()));
    }

    void insert(Bytes payload) {
        const std::int64_t highest = came_.packets.empty() ? first_ : came_.packets.rbegin()->first;
        ++(decoder_.insert(payload, own_, highest) ? inserted_ : refused_);
        own_ += 1;
    }

    void take() {
        while (const auto recovered = decoder_.next(came_)) {
            check(!recovered->payload.empty() && recovered->payload.size() <= transport::max_media_payload);
            check(!came_.packets.contains(recovered->extended));
            const Packet packet{
                {{static_cast<std::uint16_t>(recovered->extended)}, recovered->timestamp, recovered->marker, {}},
                to_buffer(recovered->payload)};
            if (honest_) {
                const Packet& original = sent_.at(recovered->extended);
                check(packet.payload == original.payload && packet.source.marker == original.source.marker);
                check(packet.source.timestamp == original.source.timestamp);
            }
            came_.packets[recovered->extended] = packet;
        }
    }

    static constexpr std::int64_t first_ = 65536 + 65500;  // soon over the wrap
    transport::FecDecoder decoder_;
    std::size_t memory_ = decoder_.memory();
    std::map<std::int64_t, Packet> sent_;
    Came came_;
    std::int64_t newest_ = first_;
    SequenceNumber own_{65530};
    bool honest_ = true;  // nothing made up yet
    std::uint64_t inserted_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace sotto::fuzz
