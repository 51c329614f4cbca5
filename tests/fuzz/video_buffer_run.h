// A video jitter buffer that obeys a program, beside a plain record of what it holds.
#pragma once

#include <map>

#include "fuzz/harness.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

namespace sotto::fuzz {

class VideoBufferRun {
  public:
    void step(Program& program) {
        switch (program.u8() % 4) {
            case 0: now_ += program.milliseconds(); break;
            case 1: buffer_.require_key_frame(); break;
            default: insert(program);
        }
        drain();
        check(buffer_.memory() == memory_);
    }

  private:
    struct Packet {
        Buffer data;
        transport::RtpHeader header;
        bool first = false;
    };

    void insert(Program& program) {
        number_ = std::max<std::int64_t>(1, number_ + program.i8());
        timestamp_ += static_cast<std::uint32_t>(program.i8());
        const bool marker = program.u8() % 2 == 1;
        const Bytes payload = program.bytes(program.u8());
        const transport::RtpPacket packet{.header = {.marker = marker, .timestamp = timestamp_}, .payload = payload};
        if (!buffer_.insert(packet, number_, now_)) return;
        const auto parsed = transport::parse_vp8(payload);
        check(parsed.has_value());
        check(number_ >= buffer_.first_wanted());
        packets_[number_] = {to_buffer(parsed->data), packet.header, parsed->descriptor.starts_frame()};
    }

    void drain() {
        while (const auto frame = buffer_.next(now_)) verify(*frame);
        check(buffer_.deadline() > now_);
    }

    // The frame is what the packets before first_wanted() hold, from the nearest start on.
    void verify(const transport::AssembledFrame& frame) {
        const std::int64_t end = buffer_.first_wanted();
        check(end > given_until_);
        std::int64_t start = end - 1;
        while (!packets_.at(start).first) --start;
        check(start >= given_until_);
        check(packets_.at(end - 1).header.marker);
        Buffer bytes;
        for (std::int64_t number = start; number < end; ++number) {
            const Packet& packet = packets_.at(number);
            check(packet.header.timestamp == frame.timestamp);
            bytes.insert(bytes.end(), packet.data.begin(), packet.data.end());
        }
        check(std::ranges::equal(bytes, frame.bytes));
        check(frame.key == ((std::to_integer<int>(bytes[0]) & 1) == 0));
        check(frame.key || given_until_ > 0);
        given_until_ = end;
    }

    transport::VideoJitterBuffer buffer_{{.packets = 16, .max_frame = 512}};
    std::size_t memory_ = buffer_.memory();
    std::map<std::int64_t, Packet> packets_;  // accepted, under their numbers
    std::int64_t number_ = 0x10000;
    std::int64_t given_until_ = 0;
    RtpTimestamp timestamp_{};
    Instant now_{std::chrono::seconds(1000)};
};

}  // namespace sotto::fuzz
