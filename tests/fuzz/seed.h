// A seed as bytes put together, the folder it is written to, and what our encoders give for it.
#pragma once

#include <filesystem>
#include <fstream>
#include <vector>

#include "codec/i420.h"
#include "codec/opus_encoder.h"
#include "codec/vp8_encoder.h"
#include "transport/rtcp.h"
#include "transport/vp8_payload.h"

namespace sotto::fuzz {

// Bytes put together from numbers, text and other bytes.
struct Seed {
    Buffer bytes;
    Seed& u8(int value) {
        bytes.push_back(static_cast<std::byte>(value));
        return *this;
    }
    Seed& u16(std::size_t value) { return u8(static_cast<int>(value >> 8 & 0xff)).u8(static_cast<int>(value & 0xff)); }
    Seed& add(Bytes more) {
        bytes.insert(bytes.end(), more.begin(), more.end());
        return *this;
    }
    Seed& zeros(std::size_t count) {
        bytes.resize(bytes.size() + count);
        return *this;
    }
};

class Folder {
  public:
    Folder(const std::filesystem::path& root, const char* target) : path_(root / target) {
        std::filesystem::create_directories(path_);
    }
    void write(const char* name, Bytes bytes) const {
        std::ofstream file(path_ / name, std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    void write(const char* name, const Seed& seed) const { write(name, seed.bytes); }

  private:
    std::filesystem::path path_;
};

inline std::vector<Buffer> vp8_frames(int count, int size) {
    auto encoder = codec::Vp8Encoder::create({.width = size, .height = size});
    std::vector<Buffer> frames;
    for (int n = 0; n < count; ++n) {
        auto picture = *codec::I420Buffer::create(size, size);
        for (std::size_t i = 0; i < picture.plane(0).size(); ++i) {
            picture.plane(0)[i] = static_cast<std::uint8_t>(i * 5 + static_cast<std::size_t>(n) * 40);
        }
        frames.push_back(
            to_buffer(encoder->encode(picture.view({}), static_cast<std::uint64_t>(n) * 3000, {.key = n == 0})->bytes));
    }
    return frames;
}

inline std::vector<Buffer> opus_packets(int count, int milliseconds) {
    auto encoder = codec::OpusEncoder::create({.frame_ms = milliseconds, .bitrate = 16000});
    std::vector<Buffer> packets;
    for (int n = 0; n < count; ++n) {
        std::vector<std::int16_t> samples(encoder->frames_per_block());
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int16_t>(i % 96 * 100);
        Buffer room(1275);
        room.resize(*encoder->encode({.samples = samples}, room));
        packets.push_back(room);
    }
    return packets;
}

inline Buffer packed_vp8(Bytes frame) {
    Buffer payload(frame.size() + transport::Vp8Packetizer::descriptor_size);
    static_cast<void>(transport::Vp8Packetizer(frame, payload.size(), 7).next(payload));
    return payload;
}

inline Buffer written_rtcp(const transport::RtcpOutgoing& report) {
    Buffer packet(512);
    packet.resize(*transport::write_rtcp(report, packet));
    return packet;
}

}  // namespace sotto::fuzz
