// Sound over the links by which calls are judged, as a sender that learns from its losses sends it beside pictures:
// what is concealed is at most a fifth of what Chromium conceals there, and a block waits as long as the copies need.
#include "call/sound_path.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::test::sound;

namespace {

struct Link {
    std::string_view name{};
    Duration delay = 50ms;
    double loss = 0;
    double burst = 1;      // mean, in packets of all streams
    int picture = 6;       // packets each 33 ms: what Chromium's pictures come to there
    Duration jitter{};     // mean of an exponential tail; packets keep their order
    Duration queue{};      // the largest that comes and goes every few seconds
    int times = 1;         // that sound may leave
    double concealed = 0;  // at most: the goal
    double wait_ms = 0;    // of a block in the buffer, mean: at most
};

// The packets of one call, in order of sending: each block of sound, and pictures of several packets between them.
class Network {
  public:
    Network(const Link& link, Duration length, std::uint64_t seed) : link_(link), length_(length), random_(seed) {}

    // When block `n` arrives that leaves for the first time (0), or once more, if it does. To be asked for each one in
    // turn.
    std::optional<Duration> delay(std::int64_t n, int time) {
        const Duration now = n * length_ + time * 1250us;
        for (; picture_packet(pictures_sent_) <= now; ++pictures_sent_) {
            static_cast<void>(pass(picture_packet(pictures_sent_)));
        }
        const auto arrives = pass(now);
        if (!arrives) return std::nullopt;
        return *arrives - n * length_;
    }

  private:
    std::optional<Duration> pass(Duration at) {
        // Gilbert's channel: as likely to turn bad as makes `loss` of all packets meet it so.
        const double leaves = 1 / link_.burst, enters = link_.loss * leaves / (1 - link_.loss);
        bad_ = link_.burst > 1 ? (bad_ ? !random_.chance(leaves) : random_.chance(enters)) : random_.chance(link_.loss);
        const Duration tail = link_.jitter > 0ms ? exponential(random_, link_.jitter) : small_jitter(random_);
        if (bad_) return std::nullopt;
        last_ = std::max(last_, at + link_.delay + tail + queue(at));
        return last_;
    }

    // Fills in 150 to 500 ms, drains in 200 to 600, every 3 to 10 s.
    Duration queue(Duration at) {
        const auto some = [&](Duration least, Duration most) {
            return least + std::chrono::microseconds(random_.below(static_cast<std::size_t>((most - least) / 1us)));
        };
        if (link_.queue == 0ms) return 0ms;
        if (at >= next_queue_) {
            began_ = next_queue_;
            peak_ = some(link_.queue / 2, link_.queue);
            fill_ = some(150ms, 500ms);
            drain_ = some(200ms, 600ms);
            next_queue_ += some(3s, 10s);
        }
        const Duration since = at - began_;
        if (since < fill_) return peak_ * (since / 1us) / (fill_ / 1us);
        if (since < fill_ + drain_) return peak_ - peak_ * ((since - fill_) / 1us) / (drain_ / 1us);
        return 0ms;
    }

    // A millisecond apart.
    Duration picture_packet(std::int64_t n) const { return 4ms + n / link_.picture * 33ms + n % link_.picture * 1ms; }

    Link link_;
    Duration length_;
    SeededRandom random_;
    bool bad_ = false;
    std::int64_t pictures_sent_ = 0;  // packets
    Duration last_{};
    Duration began_{-10s}, next_queue_{5s}, peak_{}, fill_{}, drain_{};
};

// What the sender knows, a round trip later: which packets with sound were lost, and which blocks with all of theirs.
struct Learner {
    call::AudioCopies copies() const { return call::copies_for(packets, blocks, times); }
    int times = 1;
    transport::LossHistory packets, blocks;
};

auto& at(auto& delays, std::int64_t n, int time) {
    return delays[static_cast<std::size_t>(n)][static_cast<std::size_t>(time)];
}

Heard over(const Link& link, Duration length, std::uint64_t seed) {
    const std::int64_t blocks = 120s / length;
    Network network(link, length, seed);
    std::vector<std::array<std::optional<Duration>, call::AudioCopies::most_times>> delays(
        static_cast<std::size_t>(blocks));
    for (std::int64_t n = 0; n < blocks; ++n) {
        for (int i = 0; i < link.times; ++i) at(delays, n, i) = network.delay(n, i);
    }
    std::vector<int> times(static_cast<std::size_t>(blocks));
    Learner learner{.times = link.times, .packets = {}, .blocks = {}};
    const std::int64_t behind = (2 * link.delay + 100ms) / length;
    return run({.copies =
                    [&](std::int64_t n) {
                        const auto told = static_cast<std::size_t>(n - behind);
                        bool came = false;
                        for (int i = 0; n >= behind && i < times[told]; ++i) {
                            learner.packets.add(!at(delays, n - behind, i));
                            came = came || at(delays, n - behind, i);
                        }
                        if (n >= behind) learner.blocks.add(!came);
                        times[static_cast<std::size_t>(n)] = learner.copies().times;
                        return learner.copies();
                    },
                .length = length,
                .delay = [&](std::int64_t n) { return at(delays, n, 0); },
                .again = [&](std::int64_t n, int i) { return at(delays, n, i); }},
               blocks);
}

void check(const Link& link, Duration length = block) {
    double concealed = 0, wait = 0, mouth_to_ear = 0;
    constexpr int seeds = 4;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Heard heard = over(link, length, seed);
        CHECK(heard.stats.skipped == 0);
        concealed += heard.concealed_share() / seeds;
        wait += heard.mean_wait_ms() / seeds;
        mouth_to_ear += heard.mean_mouth_to_ear_ms() / seeds;
    }
    MESSAGE(std::string(link.name), ", blocks of ", length / 1ms, " ms: waits ", wait, " ms, mouth to ear ",
            mouth_to_ear, " ms, concealed ", 100 * concealed, " %");
    CHECK(concealed <= link.concealed);
    CHECK(wait <= link.wait_ms);
}

}  // namespace

TEST_CASE("lost packets leave at most a fifth of Chromium's gaps in the sound") {
    check({.name = "20 ms, 5 %", .delay = 20ms, .loss = 0.05, .concealed = 0.0021, .wait_ms = 32});
    check({.name = "50 ms, 10 %", .loss = 0.10, .concealed = 0.0044, .wait_ms = 32});
    check({.name = "50 ms, 20 %", .loss = 0.20, .concealed = 0.012, .wait_ms = 32});
    check({.name = "50 ms, 40 %", .loss = 0.40, .concealed = 0.043, .wait_ms = 45});
    check({.name = "150 ms, 5 %", .delay = 150ms, .loss = 0.05, .concealed = 0.00186, .wait_ms = 32});
    // A fifth of Chromium's would be 0.00158: not reached yet.
    check({.name = "50 ms, 5 % in bursts of four",
           .loss = 0.05,
           .burst = 4,
           .picture = 10,
           .concealed = 0.003,
           .wait_ms = 60});
}

TEST_CASE("where the path is wide, sound that leaves twice waits for no more than one copy") {
    check({.name = "20 ms, 5 %, wide", .delay = 20ms, .loss = 0.05, .times = 2, .concealed = 0.001, .wait_ms = 15});
    check({.name = "50 ms, 10 %, wide", .loss = 0.10, .times = 2, .concealed = 0.001, .wait_ms = 15});
    check({.name = "50 ms, 20 %, wide", .loss = 0.20, .times = 2, .concealed = 0.0035, .wait_ms = 15});
    check({.name = "50 ms, 40 %, wide", .loss = 0.40, .times = 2, .concealed = 0.01, .wait_ms = 25});
    check({.name = "150 ms, 5 %, wide", .delay = 150ms, .loss = 0.05, .times = 2, .concealed = 0.001, .wait_ms = 15});
}

TEST_CASE("where the path is wider still, sound that leaves up to four times waits for no copy at all") {
    check({.name = "20 ms, 5 %, four", .delay = 20ms, .loss = 0.05, .times = 4, .concealed = 0.0005, .wait_ms = 9});
    check({.name = "50 ms, 1 %, four", .loss = 0.01, .times = 4, .concealed = 0.0005, .wait_ms = 9});
    check({.name = "50 ms, 10 %, four", .loss = 0.10, .times = 4, .concealed = 0.001, .wait_ms = 9});
    check({.name = "50 ms, 20 %, four", .loss = 0.20, .times = 4, .concealed = 0.0035, .wait_ms = 9});
    check({.name = "50 ms, 40 %, four", .loss = 0.40, .times = 4, .concealed = 0.01, .wait_ms = 18});
    check({.name = "150 ms, 5 %, four", .delay = 150ms, .loss = 0.05, .times = 4, .concealed = 0.0005, .wait_ms = 9});
}

TEST_CASE("where the path is wide, sound that is lost in bursts has its copies in two packets, and near") {
    for (const auto& [burst, concealed, wait_ms] : {std::tuple(2.0, 0.0015, 25.0), std::tuple(4.0, 0.003, 35.0)}) {
        check({.name = "50 ms, 5 % in bursts, wide",
               .loss = 0.05,
               .burst = burst,
               .picture = 10,
               .times = 2,
               .concealed = concealed,
               .wait_ms = wait_ms});
    }
}

TEST_CASE("blocks of 20 ms are kept as whole, and wait as long as their copies need") {
    check({.name = "20 ms, 5 %", .delay = 20ms, .loss = 0.05, .concealed = 0.0021, .wait_ms = 45}, 20ms);
    check({.name = "50 ms, 20 %", .loss = 0.20, .concealed = 0.012, .wait_ms = 55}, 20ms);
    check({.name = "20 ms of jitter", .jitter = 20ms, .concealed = 0.007, .wait_ms = 117}, 20ms);
}

TEST_CASE("sound is kept whole by jitter and by a queue that comes and goes, and waits less than Chromium's") {
    check({.name = "clean", .delay = 20ms, .concealed = 0, .wait_ms = 10});
    check({.name = "20 ms of jitter", .jitter = 20ms, .concealed = 0.007, .wait_ms = 95});
    // Each queue costs a pause, which is weighed against the delay of all that comes between: not 0, the goal.
    check({.name = "a queue of 100 ms", .queue = 100ms, .concealed = 0.004, .wait_ms = 40});
    check({.name = "a queue of 150 ms", .delay = 100ms, .queue = 150ms, .concealed = 0.008, .wait_ms = 40});
}

TEST_CASE(
    "while a queue grows longer than any before, sound in pairs is stretched for half of what would be concealed") {
    for (const auto& [growth, concealed] : {std::pair(1ms, 0.0025), std::pair(2ms, 0.0065), std::pair(3ms, 0.008)}) {
        CAPTURE(growth / 1ms);  // a block
        const Heard heard = run({.pairs = true,
                                 .delay = [&](std::int64_t n) -> std::optional<Duration> {
                                     return 30ms + std::clamp<std::int64_t>(n - 1000, 0, 60) * growth;
                                 }},
                                15s / block);
        CHECK(heard.concealed_share() <= concealed);
    }
}

TEST_CASE(
    "a first loss after a clean start is filled by the copy that doubt sends, and proven calm brings the delay down") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        const Heard heard =
            run({.copies = [](std::int64_t n) { return call::AudioCopies{.count = n * block < 8s ? 1 : 0}; },
                 .delay = [&](std::int64_t n) -> std::optional<Duration> {
                     if (n == static_cast<std::int64_t>(800 + 1000 * seed) * 1ms / block) return std::nullopt;
                     return 30ms + small_jitter(random);
                 }},
                30s / block);
        CHECK(heard.stats.concealed_samples == 0);
        CHECK(heard.stats.redundant_used == 1);
        CHECK(heard.mean_wait_ms(start + 12s, start + 30s) < 10);
    }
}

TEST_CASE("copies go by how much is lost, and further apart where losses come in bursts") {
    struct Case {
        double loss, burst;
        int count, spacing;
    };
    for (const auto& [loss, burst, count, spacing] :
         {Case{0, 1, 0, 1}, Case{0.015, 1, 1, 1}, Case{0.05, 1, 2, 1}, Case{0.2, 1, 2, 1}, Case{0.35, 1, 3, 1},
          Case{0.55, 1, 4, 1}, Case{0.06, 3, 3, 2}, Case{0.1, 3, 3, 2}}) {
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            CAPTURE(loss);
            CAPTURE(burst);
            CAPTURE(seed);
            SeededRandom random(seed);
            transport::LossHistory losses;
            bool bad = false;
            for (int n = 0; n < 1024; ++n) {
                const double enters = loss / burst / (1 - loss);
                bad = random.chance(burst > 1 ? (bad ? 1 - 1 / burst : enters) : loss);
                losses.add(bad);
            }
            const call::AudioCopies copies = call::copies_for(losses, losses);
            CHECK(copies.count == count);
            CHECK(copies.spacing == spacing);
        }
    }
}

TEST_CASE("of sound that is lost in bursts the copies go as far back as these last, in two packets on a wide path") {
    // `of_blocks` in a row of each hundred, which are twice as many packets.
    const auto copies = [](int of_blocks, int times, bool queued = false) {
        transport::LossHistory packets, blocks;
        for (int n = 0; n < 1024; ++n) {
            blocks.add(n % 100 < of_blocks);
            for (int i = 0; i < 2; ++i) packets.add(n % 100 < of_blocks);
        }
        return call::copies_for(packets, blocks, times, queued);
    };
    for (const int times : {1, 2, 4}) {
        CAPTURE(times);
        for (const auto& [of_blocks, count, spacing] :
             {std::tuple(2, 2, 1), std::tuple(3, 3, 1), std::tuple(4, 3, 2)}) {
            CAPTURE(of_blocks);
            CHECK(copies(of_blocks, times).count == count);
            CHECK(copies(of_blocks, times).spacing == spacing);
            CHECK(copies(of_blocks, times).times == std::min(times, 2));
            CHECK(copies(of_blocks, times).shared == (times > 1));
        }
        // A full queue drops so, too: there sound takes no more than it must.
        CHECK(copies(2, times, true).count == 1);
        CHECK(copies(4, times, true).count == 3);
        CHECK(copies(4, times, true).times == 1);
    }
}

TEST_CASE("packets of sound leave as often as leaves hardly a block lost, where one loss does not bring the next") {
    const auto copies = [](int of_a_hundred, int times, bool queued = false) {
        transport::LossHistory packets;
        for (int n = 0; n < 1000; ++n) packets.add(n * of_a_hundred / 100 != (n + 1) * of_a_hundred / 100);
        return call::copies_for(packets, packets, times, queued);
    };
    struct Case {
        int of_a_hundred, most, count, times;
    };
    for (const auto& [of_a_hundred, most, count, times] :
         {Case{0, 4, 0, 1}, Case{1, 4, 0, 2}, Case{1, 2, 0, 2}, Case{1, 1, 1, 1}, Case{5, 4, 0, 3}, Case{5, 3, 0, 3},
          Case{5, 2, 1, 2}, Case{5, 1, 2, 1}, Case{10, 4, 0, 4}, Case{10, 3, 1, 2}, Case{20, 4, 0, 4},
          Case{20, 2, 1, 2}, Case{40, 4, 1, 4}, Case{40, 3, 1, 3}, Case{40, 2, 2, 2}, Case{40, 1, 3, 1}}) {
        CAPTURE(of_a_hundred);
        CAPTURE(most);
        CHECK(copies(of_a_hundred, most).count == count);
        CHECK(copies(of_a_hundred, most).times == times);
        CHECK_FALSE(copies(of_a_hundred, most).shared);
        // What a queue dropped may be dropped again.
        CHECK(copies(of_a_hundred, most, true).times <= 2);
    }
}
