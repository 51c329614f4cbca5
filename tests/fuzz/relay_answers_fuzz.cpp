// What a relay, or anybody in its place, answers: what is taken from it has the sizes that RFC 8489 allows.
#include "transport/relay_answers.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    transport::RelayAnswers answers;
    answers.take(fuzz::input(data, size));
    const auto& challenge = answers.challenge();
    check(!challenge || !answers.relayed());  // one message is one or the other
    const auto fits = [](const std::string& words) { return !words.empty() && words.size() <= 763; };
    check(!challenge || (fits(challenge->realm) && fits(challenge->nonce)));
    check(!challenge || challenge->realm.size() + challenge->nonce.size() + 28 <= size);
    check(!answers.relayed() || size >= 32);
    return 0;
}
