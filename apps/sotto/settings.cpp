#include "apps/sotto/settings.h"
#include "apps/sotto/mqtt_topics.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sotto::app {
namespace {

constexpr int version = 1;

using Json = nlohmann::json;

Expected<std::string> text_of(const Json& object, const std::string& field) {
    const auto found = object.find(field);
    if (found == object.end()) return std::string();
    if (!found->is_string()) return std::unexpected("\"" + field + "\" is no text");
    return found->get<std::string>();
}

// The fields of `object` that are texts, into their places.
Expected<void> read_texts(const Json& object, std::initializer_list<std::pair<const char*, std::string*>> fields) {
    for (const auto& [field, place] : fields) {
        auto text = text_of(object, field);
        if (!text) return std::unexpected(text.error());
        *place = std::move(*text);
    }
    return {};
}

Expected<void> read_direct(const Json& object, std::set<std::string>& direct) {
    const auto found = object.find("direct");
    if (found == object.end()) return {};
    const auto is_text = [](const Json& one) { return one.is_string(); };
    if (!found->is_array() || !std::ranges::all_of(*found, is_text)) return std::unexpected("\"direct\" is no list");
    for (const Json& one : *found) direct.insert(one.get<std::string>());
    return {};
}

}  // namespace

std::string to_text(const Settings& settings) {
    const Json object{{"version", version},
                      {"name", settings.name},
                      {"broker", settings.broker},
                      {"broker_ca", settings.broker_ca},
                      {"relay",
                       {{"uri", settings.relay.relay},
                        {"user", settings.relay.relay_user},
                        {"password", settings.relay.relay_password},
                        {"secret", settings.relay.relay_secret},
                        {"ca", settings.relay.relay_ca}}},
                      {"direct", settings.direct},
                      {"prekeys_drawn", settings.prekeys_drawn},
                      {"lists_devices", settings.lists_devices}};
    return object.dump(2) + "\n";
}

Expected<Settings> parse_settings(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    if (!object.is_object()) return std::unexpected("it is no JSON object");
    const auto number = [&object](const char* field) -> std::int64_t {
        const auto found = object.find(field);
        return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
    };
    if (number("version") < 0) return std::unexpected("\"version\" is no number");
    if (number("version") != version) return std::unexpected("it is of a later version of sotto");
    Settings settings;
    auto read = read_texts(
        object, {{"name", &settings.name}, {"broker", &settings.broker}, {"broker_ca", &settings.broker_ca}});
    if (!read) return std::unexpected(read.error());
    if (!valid_name(settings.name)) return std::unexpected("\"name\" is no name");
    const Json relay = object.value("relay", Json::object());
    if (!relay.is_object()) return std::unexpected("\"relay\" is no object");
    read = read_texts(relay, {{"uri", &settings.relay.relay},
                              {"user", &settings.relay.relay_user},
                              {"password", &settings.relay.relay_password},
                              {"secret", &settings.relay.relay_secret},
                              {"ca", &settings.relay.relay_ca}});
    if (read) read = read_direct(object, settings.direct);
    if (!read) return std::unexpected(read.error());
    settings.prekeys_drawn = number("prekeys_drawn");
    if (settings.prekeys_drawn < 0) return std::unexpected("\"prekeys_drawn\" is no time");
    const Json lists = object.value("lists_devices", Json(false));
    if (!lists.is_boolean()) return std::unexpected("\"lists_devices\" is neither true nor false");
    settings.lists_devices = lists.get<bool>();
    return settings;
}

}  // namespace sotto::app
