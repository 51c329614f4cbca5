// What a broker brings: a letter that is taken is the one whose topic and bytes these are, and so is a bundle.
#include "apps/sotto/mqtt_topics.h"
#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr DeviceKey ours{{std::byte{1}}};
    const Bytes input = fuzz::input(data, size);
    const auto end = static_cast<std::size_t>(std::ranges::find(input, std::byte{0}) - input.begin());
    const Bytes topic = input.first(end), payload = input.subspan(std::min(end + 1, size));
    const std::string_view text(reinterpret_cast<const char*>(topic.data()), topic.size());
    if (const auto letter = app::parse_letter(topic, payload, "bob", ours)) {
        check(app::valid_name(letter->from) && std::ranges::equal(letter->signal, payload) && !payload.empty());
        check(app::letter_topic("bob", ours, letter->from, letter->device) == text);
    }
    if (const auto published = app::parse_bundle(topic, payload, "bob")) {
        check(std::ranges::equal(published->bundle, payload) && payload.size() <= app::max_bundle);
        check(app::bundle_topic("bob", published->device) == text);
    }
    return 0;
}
