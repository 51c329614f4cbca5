#include "transport/fec.h"

#include <algorithm>
#include <numeric>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/copy_bytes.h"
#include "transport/gf256.h"

namespace sotto::transport {
namespace {

constexpr unsigned modulus = 128;
constexpr std::uint16_t marker_bit = 0x8000;

SequenceNumber sequence_of(std::int64_t extended) { return {static_cast<std::uint16_t>(extended)}; }

std::uint8_t cauchy_row(SequenceNumber own) { return static_cast<std::uint8_t>(modulus + own.value % modulus); }

// The entry of the Cauchy matrix: rows have the upper bit, columns don't, so that the sum is never 0.
std::uint8_t coefficient(std::uint8_t row, SequenceNumber source) {
    return gf256::inverse(static_cast<std::uint8_t>(row ^ source.value % modulus));
}

std::size_t symbol_size(const FecSource& source) { return fec_symbol_overhead + source.payload.size(); }

// sum += factor * the source's symbol, whose zeros need no work.
void add_symbol(MutableBytes sum, const FecSource& source, std::uint8_t factor) {
    std::array<std::byte, fec_symbol_overhead> fields;
    ByteWriter(fields)
        .u16(static_cast<std::uint16_t>(source.payload.size() | (source.marker ? marker_bit : 0)))
        .u32(source.timestamp.value);
    gf256::add_scaled(sum, fields, factor);
    gf256::add_scaled(sum.subspan(fields.size()), source.payload, factor);
}

// The packet whose symbol this is; nothing if it can be none.
std::optional<Recovered> read_symbol(Bytes symbol, std::int64_t extended) {
    ByteReader in(symbol);
    const auto first = in.u16();
    const auto timestamp = in.u32();
    if (!first || !timestamp) return std::nullopt;
    const std::size_t size = *first & ~marker_bit;
    const auto payload = in.take(size);
    if (size == 0 || !payload) return std::nullopt;
    if (std::ranges::any_of(in.rest(), [](std::byte b) { return b != std::byte{0}; })) return std::nullopt;
    return Recovered{
        .extended = extended, .timestamp = {*timestamp}, .marker = (*first & marker_bit) != 0, .payload = *payload};
}

}  // namespace

Result<std::size_t> write_fec(std::span<const FecSource> window, SequenceNumber own, MutableBytes out) {
    if (window.empty() || window.size() > max_fec_window) return Failure(Error::invalid_argument);
    std::size_t longest = 0;
    SequenceNumber expected = window.front().sequence;
    for (const FecSource& source : window) {
        if (source.sequence != expected || source.payload.empty()) return Failure(Error::invalid_argument);
        if (source.payload.size() > max_media_payload) return Failure(Error::too_large);
        longest = std::max(longest, symbol_size(source));
        expected += 1;
    }
    if (out.size() < fec_header_size + longest) return Failure(Error::too_large);
    ByteWriter(out).u16(window.front().sequence.value).u8(static_cast<std::uint8_t>(window.size()));
    const MutableBytes sum = out.subspan(fec_header_size, longest);
    std::ranges::fill(sum, std::byte{0});
    for (const FecSource& source : window) add_symbol(sum, source, coefficient(cauchy_row(own), source.sequence));
    return fec_header_size + longest;
}

// The equations that held packets are: a row each, of which the left columns say how much of each unknown is in it and
// the right ones which combination of held packets it is.
struct FecDecoder::System {
    std::array<std::int64_t, max_unknowns> unknowns{};
    std::size_t columns = 0;
    std::array<std::size_t, max_held> repairs{};  // by row, before elimination
    std::size_t rows = 0;
    std::array<std::array<std::byte, max_unknowns + max_held>, max_held> matrix{};

    Bytes combination(std::size_t row) const { return Bytes(matrix[row]).subspan(max_unknowns, rows); }

    std::size_t column(std::int64_t number) const {
        const auto end = unknowns.begin() + static_cast<std::ptrdiff_t>(columns);
        return static_cast<std::size_t>(std::find(unknowns.begin(), end, number) - unknowns.begin());
    }

    // False when it has more unknowns than there is room for.
    bool add(const Repair& repair, std::size_t index) {
        const std::size_t known_before = columns;
        std::array<std::byte, max_unknowns> row{};
        for (std::size_t i = 0; i < repair.count; ++i) {
            if (!repair.missing[i]) continue;
            const std::int64_t number = repair.first + static_cast<std::int64_t>(i);
            const std::size_t place = column(number);
            if (place == max_unknowns) {
                columns = known_before;
                return false;
            }
            if (place == columns) unknowns[columns++] = number;
            row[place] = std::byte{coefficient(repair.row, sequence_of(number))};
        }
        std::ranges::copy(row, matrix[rows].begin());
        matrix[rows][max_unknowns + rows] = std::byte{1};
        repairs[rows++] = index;
        return true;
    }

    // Gauss and Jordan's elimination of the left columns.
    void reduce() {
        std::size_t rank = 0;
        for (std::size_t c = 0; c < columns && rank < rows; ++c) {
            std::size_t pivot = rank;
            while (pivot < rows && matrix[pivot][c] == std::byte{0}) ++pivot;
            if (pivot == rows) continue;
            std::swap(matrix[pivot], matrix[rank]);
            gf256::scale(matrix[rank], gf256::inverse(std::to_integer<std::uint8_t>(matrix[rank][c])));
            for (std::size_t r = 0; r < rows; ++r) {
                if (r == rank) continue;
                gf256::add_scaled(matrix[r], matrix[rank], std::to_integer<std::uint8_t>(matrix[r][c]));
            }
            ++rank;
        }
    }

    struct Solved {
        std::size_t row = 0;
        std::int64_t number = 0;
    };
    // Of the rows with one unknown left, that of the lowest number.
    std::optional<Solved> solved() const {
        std::optional<Solved> lowest;
        for (std::size_t r = 0; r < rows; ++r) {
            const Bytes left = Bytes(matrix[r]).first(columns);
            const auto nonzero = [](std::byte b) { return b != std::byte{0}; };
            const auto first = std::ranges::find_if(left, nonzero);
            if (first == left.end() || std::any_of(first + 1, left.end(), nonzero)) continue;
            const std::int64_t number = unknowns[static_cast<std::size_t>(first - left.begin())];
            if (!lowest || number < lowest->number) lowest = {r, number};
        }
        return lowest;
    }
};

FecDecoder::FecDecoder() : bytes_(max_held * max_symbol), recovered_(max_symbol) {
    for (std::size_t i = 0; i < max_held; ++i) repairs_[i].room = static_cast<std::uint8_t>(i);
}

MutableBytes FecDecoder::symbol(const Repair& repair) {
    return MutableBytes(bytes_).subspan(repair.room * max_symbol, repair.size);
}

void FecDecoder::erase(std::size_t index) {
    const auto begin = repairs_.begin() + static_cast<std::ptrdiff_t>(index);
    std::rotate(begin, begin + 1, repairs_.begin() + static_cast<std::ptrdiff_t>(held_));
    --held_;
}

Result<void> FecDecoder::insert(Bytes payload, SequenceNumber own, std::int64_t highest_source) {
    const auto refuse = [&](Error error) {
        ++counts_.refused;
        return Failure(error);
    };
    ByteReader in(payload);
    const auto start = in.u16();
    const auto count = in.u8();
    if (!start || !count || in.remaining() <= fec_symbol_overhead) return refuse(Error::truncated);
    if (*count == 0 || *count > max_fec_window) return refuse(Error::malformed);
    if (in.remaining() > max_symbol) return refuse(Error::too_large);
    if (highest_source < 0) return refuse(Error::wrong_state);
    highest_ = std::max(highest_, highest_source);
    const std::int64_t first = highest_source + distance(sequence_of(highest_source), SequenceNumber{*start});
    if (first < 0 || first + *count - 1 <= highest_ - reach) return refuse(Error::too_late);

    if (held_ == max_held) {
        erase(0);
        ++counts_.dropped;
    }
    Repair& repair = repairs_[held_++];
    repair = {.first = first,
              .size = static_cast<std::uint16_t>(in.remaining()),
              .count = *count,
              .row = cauchy_row(own),
              .room = repair.room};
    copy_bytes(in.rest(), symbol(repair));
    return {};
}

// Brings what is missing up to date, and lets go of what is of no use.
void FecDecoder::look_up(const FecSources& sources) {
    for (std::size_t r = 0; r < held_;) {
        Repair& repair = repairs_[r];
        repair.missing.reset();
        bool within_reach = true;
        for (std::size_t i = 0; i < repair.count && within_reach; ++i) {
            const std::int64_t number = repair.first + static_cast<std::int64_t>(i);
            if (repair.added[i] || sources.find(number)) continue;
            repair.missing.set(i);
            within_reach = number > highest_ - reach;
        }
        if (within_reach && repair.missing.any()) {
            ++r;
            continue;
        }
        ++(within_reach ? counts_.unneeded : counts_.out_of_reach);
        erase(r);
    }
}

// False if the source can't be part of the sum.
bool FecDecoder::subtract(Repair& repair, std::size_t index, const FecSource& source) {
    if (symbol_size(source) > repair.size) return false;
    add_symbol(symbol(repair), source, coefficient(repair.row, source.sequence));
    repair.added.set(index);
    repair.missing.reset(index);
    return true;
}

bool FecDecoder::subtract(Repair& repair, const FecSources& sources) {
    for (std::size_t i = 0; i < repair.count; ++i) {
        if (repair.added[i] || repair.missing[i]) continue;
        const auto source = sources.find(repair.first + static_cast<std::int64_t>(i));
        if (!source || !subtract(repair, i, *source)) return false;
    }
    return true;
}

FecDecoder::System FecDecoder::eliminate() const {
    // Those with the fewest unknowns are the likeliest to be of use, should there be too many for all.
    std::array<std::size_t, max_held> order{};
    const auto used = std::span(order).first(held_);
    std::iota(used.begin(), used.end(), std::size_t{0});
    std::ranges::sort(used, {}, [&](std::size_t r) { return std::pair(repairs_[r].missing.count(), r); });
    System system;
    for (const std::size_t r : used) {
        if (repairs_[r].missing.count() > max_held) break;
        system.add(repairs_[r], r);
    }
    system.reduce();
    return system;
}

// The sum of held packets that a row stands for. Lets go of those that contradict what is known.
std::optional<Recovered> FecDecoder::combine(const System& system, std::size_t row, std::int64_t number,
                                             const FecSources& sources) {
    const Bytes combination = system.combination(row);
    std::size_t size = 0;
    for (std::size_t i = 0; i < combination.size(); ++i) {
        if (combination[i] == std::byte{0}) continue;
        Repair& repair = repairs_[system.repairs[i]];
        if (!subtract(repair, sources)) {
            ++counts_.contradicted;
            erase(system.repairs[i]);
            return std::nullopt;
        }
        size = std::max<std::size_t>(size, repair.size);
    }
    const MutableBytes sum = MutableBytes(recovered_).first(size);
    std::ranges::fill(sum, std::byte{0});
    Members members;
    for (std::size_t i = 0; i < combination.size(); ++i) {
        if (combination[i] == std::byte{0}) continue;
        members.set(system.repairs[i]);
        const MutableBytes part = symbol(repairs_[system.repairs[i]]);
        gf256::add_scaled(sum, part, std::to_integer<std::uint8_t>(combination[i]));
    }
    const auto recovered = read_symbol(sum, number);
    settle(members, recovered);
    return recovered;
}

// One of the packets that the sum was made of is used up, and the others lose an unknown; all go if the sum is no
// packet.
void FecDecoder::settle(const Members& members, const std::optional<Recovered>& recovered) {
    bool used = false;
    for (std::size_t r = held_; r-- > 0;) {
        if (members[r] && (!recovered || !used)) {
            used = true;
            ++(recovered ? counts_.used : counts_.contradicted);
            erase(r);
            continue;
        }
        if (!recovered) continue;
        const std::int64_t index = recovered->extended - repairs_[r].first;
        if (index < 0 || index >= repairs_[r].count || !repairs_[r].missing[static_cast<std::size_t>(index)]) continue;
        const FecSource source{sequence_of(recovered->extended), recovered->timestamp, recovered->marker,
                               recovered->payload};
        if (subtract(repairs_[r], static_cast<std::size_t>(index), source)) continue;
        ++counts_.contradicted;
        erase(r);
    }
}

std::optional<Recovered> FecDecoder::next(const FecSources& sources) {
    look_up(sources);
    while (held_ > 0) {  // a round that gives nothing lets go of a packet, or is the last
        const System system = eliminate();
        const auto solved = system.solved();
        if (!solved) return std::nullopt;
        if (const auto recovered = combine(system, solved->row, solved->number, sources)) return recovered;
    }
    return std::nullopt;
}

}  // namespace sotto::transport
