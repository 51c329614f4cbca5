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
        const std::uint8_t what = program.u8();
        if (what >= 128) buffer_.note_queue(now_);
        switch (what % 4) {
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
    using Scale = transport::AudioTurn::Scale;

    void insert(Program& program) {
        number_ = std::max<std::int64_t>(1, number_ + program.i8());
        const std::uint8_t toc = program.u8();
        if (toc == 0x09) return copy(program);
        const auto payload = payload_of(toc, number_);
        const RtpTimestamp timestamp{static_cast<std::uint32_t>(number_ * 960)};
        const auto inserted = buffer_.insert({.header = {.timestamp = timestamp}, .payload = payload}, number_, now_);
        if (inserted) check(number_ + 2 > last_played_ && buffer_.deadline() != never);
    }

    // Of an earlier block, or of one that has not been sent.
    void copy(Program& program) {
        const std::int64_t back = std::max<std::int64_t>(1, program.u8());
        const std::int64_t number = std::max<std::int64_t>(1, number_ + program.i8());
        const std::uint64_t before = buffer_.redundant_used() + buffer_.redundant_unused();
        check(buffer_.insert_redundant(payload_of(0x08, number), number + back, back, now_).has_value());
        check(buffer_.redundant_used() + buffer_.redundant_unused() == before + 1);
    }

    static std::array<std::byte, 6> payload_of(std::uint8_t toc, std::int64_t number) {
        std::array<std::byte, 6> payload;
        ByteWriter(payload).u8(toc).u8(number % 2 == 0 ? 0x40 : 0).u32(static_cast<std::uint32_t>(number));
        return payload;
    }

    // What is played takes its time, so that no more comes than time has passed.
    void drain() {
        while (buffer_.deadline() <= now_) {
            const Instant due = buffer_.deadline();
            check(buffer_.held() == 0);
            while (const auto turn = buffer_.next(now_)) {
                verify(*turn);
                ++turns_;
                scale(*turn);
            }
            const std::int64_t held = buffer_.held();
            check(held >= 240 && held <= 960 + 720);
            check(buffer_.play(now_));
            const Duration sounds = Duration(std::chrono::seconds(held)) / 48000;
            check(buffer_.deadline() == due + sounds || buffer_.deadline() == never);
        }
        check(turns_ == decoded_ + buffer_.concealed() && buffer_.recovered() <= buffer_.concealed());
    }

    // By as much as is asked for, or not at all.
    void scale(const transport::AudioTurn& turn) {
        check(turn.scale_limit >= 0 && turn.scale_limit <= 720);
        if (turn.scale == Scale::keep || turns_ % 3 == 0) return;
        buffer_.scaled(turn.scale == Scale::shorten ? -turn.scale_limit : turn.scale_limit);
    }

    void verify(const transport::AudioTurn& turn) {
        check((turn.kind == Kind::conceal) == turn.packet.empty());
        if (turn.packet.empty()) return;
        const std::int64_t number = *ByteReader(turn.packet.subspan(2)).u32();
        if (turn.kind != Kind::decode) return check(number > last_played_);
        const std::int64_t played = number + turn.part;
        check(turn.part >= 0 && turn.part < turn.parts && turn.parts <= 3);
        check(turn.timestamp.value == static_cast<std::uint32_t>(played * 960));
        check(played > last_played_);
        last_played_ = played;
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
