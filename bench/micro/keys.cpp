// Messages of the ratchet, the agreement it begins with, and the keys that media get from it.
#include <benchmark/benchmark.h>

#include "bench/measure.h"
#include "bench/session_pair.h"
#include "crypto/media_keys.h"
#include "crypto/pqxdh.h"
#include "sotto/random.h"

namespace sotto::bench {
namespace {

Bytes plaintext() {
    static const Buffer text(256);
    return text;
}

void message(benchmark::State& state) {
    SessionPair pair;
    pair.round_trip(plaintext());
    for (int sent = 0; [[maybe_unused]] auto _ : state) {
        // Until it is answered a chain's first messages carry more.
        if (++sent % 64 == 0) {
            state.PauseTiming();
            pair.round_trip(plaintext());
            state.ResumeTiming();
        }
        pair.send(End::alice, plaintext());
    }
}
BENCHMARK(message)->Name("ratchet/seal and open/256 bytes");

void steps(benchmark::State& state) {
    SessionPair pair;
    for ([[maybe_unused]] auto _ : state) pair.round_trip(plaintext());
}
BENCHMARK(steps)->Name("ratchet/round trip with two steps");

struct Ends {
    Random& random = system_random();
    crypto::Device alice = crypto::Device::generate(crypto::Identity::generate(random), random);
    crypto::Device bob = crypto::Device::generate(crypto::Identity::generate(random), random);
    crypto::PrekeyStore prekeys = crypto::PrekeyStore::generate(1, random);
    crypto::PrekeyBundle bundle = prekeys.publish(bob);
};

void initiate(benchmark::State& state) {
    Ends ends;
    for ([[maybe_unused]] auto _ : state) {
        must(crypto::check(ends.bundle), "a bad bundle");
        benchmark::DoNotOptimize(must(crypto::initiate_pqxdh(ends.alice, ends.bundle, ends.random), "initiate"));
    }
}
BENCHMARK(initiate)->Name("pqxdh/check and initiate");

void respond(benchmark::State& state) {
    Ends ends;
    const auto initiated = must(crypto::initiate_pqxdh(ends.alice, ends.bundle, ends.random), "initiate");
    const crypto::PrekeyIds ids{.signed_prekey = ends.bundle.signed_prekey.id,
                                .kem_prekey = ends.bundle.kem_prekey.id,
                                .one_time = ends.bundle.one_time ? ends.bundle.one_time->id : 0};
    for ([[maybe_unused]] auto _ : state) {
        const auto keys = must(ends.prekeys.find(initiated.base_key, ids), "no prekeys");
        benchmark::DoNotOptimize(must(
            crypto::respond_pqxdh(ends.bob, keys, ends.alice.certificate(), initiated.base_key, initiated.ciphertext),
            "respond"));
    }
}
BENCHMARK(respond)->Name("pqxdh/find prekeys and respond");

// All streams' keys of one direction's next epoch.
void epoch(benchmark::State& state) {
    const auto begin = [] { return crypto::Generation({}, 0, {}, crypto::Role::caller); };
    auto generation = begin();
    for (int epochs = 0; [[maybe_unused]] auto _ : state) {
        if (++epochs == 60000) {
            state.PauseTiming();
            generation = begin();
            epochs = 0;
            state.ResumeTiming();
        }
        benchmark::DoNotOptimize(must(generation.sending.next(), "no epoch"));
    }
}
BENCHMARK(epoch)->Name("media keys/next epoch");

}  // namespace
}  // namespace sotto::bench
