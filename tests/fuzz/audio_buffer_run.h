// An audio jitter buffer that obeys a program; each packet carries its number, so that what is played tells its place.
#pragma once

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "fuzz/harness.h"
#include "transport/audio_jitter_buffer.h"

namespace sotto::fuzz {

class AudioBufferRun {
  public:
    void step(Program& program) {
        switch (program.u8() % 4) {
            case 0: now_ += program.milliseconds() * 8; break;
            case 1: now_ += program.milliseconds() / 8; break;
            default: insert(program);
        }
        drain();
        check(buffer_.memory() == memory_);
        check(buffer_.target() >= settings_.minimum && buffer_.target() <= settings_.maximum);
    }

  private:
    using Kind = transport::AudioTurn::Kind;

    void insert(Program& program) {
        number_ = std::max<std::int64_t>(1, number_ + program.i8());
        std::array<std::byte, 5> payload;
        ByteWriter(payload).u8(program.u8()).u32(static_cast<std::uint32_t>(number_));
        const RtpTimestamp timestamp{static_cast<std::uint32_t>(number_ * 960)};
        const auto inserted = buffer_.insert({.header = {.timestamp = timestamp}, .payload = payload}, number_, now_);
        if (inserted) check(number_ > last_played_ && buffer_.deadline() != never);
    }

    // Each turn takes one block of time, so that no more come than time has passed.
    void drain() {
        for (Instant due = buffer_.deadline(); const auto turn = buffer_.next(now_); due = buffer_.deadline()) {
            check(due <= now_);
            check(buffer_.deadline() == due + settings_.block || buffer_.deadline() == never);
            verify(*turn);
            ++turns_;
        }
        check(buffer_.deadline() > now_);
        check(turns_ == decoded_ + buffer_.concealed() && buffer_.recovered() <= buffer_.concealed());
    }

    void verify(const transport::AudioTurn& turn) {
        check((turn.kind == Kind::conceal) == turn.packet.empty());
        if (turn.packet.empty()) return;
        const std::int64_t number = *ByteReader(turn.packet.subspan(1)).u32();
        check(number > last_played_);
        if (turn.kind != Kind::decode) return;
        check(turn.timestamp.value == static_cast<std::uint32_t>(number * 960));
        last_played_ = number;
        ++decoded_;
    }

    transport::AudioJitterBufferSettings settings_{.maximum = std::chrono::milliseconds(120)};
    transport::AudioJitterBuffer buffer_{settings_};
    std::size_t memory_ = buffer_.memory();
    std::int64_t number_ = 0x10000;
    std::int64_t last_played_ = 0;
    std::uint64_t turns_ = 0, decoded_ = 0;
    Instant now_{std::chrono::seconds(1000)};
};

}  // namespace sotto::fuzz
