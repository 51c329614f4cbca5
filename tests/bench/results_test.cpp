// Results read back: files that are not as they should be, whoever made them.
#include "bench/results/results.h"

#include <doctest/doctest.h>

#include <functional>

#include "bench/results/page.h"
#include "bench/sample_results.h"

using namespace sotto;
using namespace sotto::bench;
using namespace sotto::test;

namespace {

std::string refusal(std::string_view text) {
    const auto results = parse_results(text, "file");
    return results ? "" : results.error();
}

// What is said of a good file of both kinds after one change.
std::string refusal_after(const std::function<void(json&)>& change) {
    json file = latency({run("video", 1, 1, 20)});
    file["figures"] = json::array({figure("it", 10, 1, 20)});
    REQUIRE(refusal(file.dump()) == "");
    change(file);
    return refusal(file.dump());
}

// Every value of the file, one after the other, becomes each of these.
void replace_everywhere(json& file, json& node, const std::function<void()>& look) {
    static const std::vector<json> others{nullptr,          true, -1, 1e300, "text", json::array(), json::object(),
                                          json{{"name", 1}}};
    const json before = node;
    for (const json& other : others) {
        node = other;
        look();
    }
    node = before;
    if (!node.is_structured()) return;
    for (json& inner : node) replace_everywhere(file, inner, look);
}

}  // namespace

TEST_CASE("what is no result is refused with a reason") {
    CHECK(refusal("") == "not JSON");
    CHECK(refusal("{") == "not JSON");
    CHECK(refusal("\xff\xfe") == "not JSON");
    CHECK(refusal("{\"schema\": 1e999}") == "not JSON");
    CHECK(refusal("[]") == "the file: is not an object");
    CHECK(refusal("{}") == "schema: is missing");
    CHECK(refusal("{\"schema\": 2}") == "the file: has neither figures nor runs");
    CHECK(refusal(std::string(100000, '[')) == "nests too deep to be a result");
    CHECK(refusal("{\"a\":" + std::string(1000000, '[') + std::string(1000000, ']') + "}") ==
          "nests too deep to be a result");
}

TEST_CASE("another schema is refused by name") {
    const std::string said = refusal_after([](json& file) { file["schema"] = 1; });
    CHECK(said == "schema: is not 2: another version of sotto-bench wrote this");
}

TEST_CASE("the reason says where") {
    CHECK(refusal_after([](json& file) { file["figures"][0]["median"] = "x"; }) ==
          "figures[0].median: is not a number that can be");
    CHECK(refusal_after([](json& file) { file["figures"][0]["rounds"][7] = 1e300; }) ==
          "figures[0].rounds[7]: is not a number that can be");
    CHECK(refusal_after([](json& file) { file["runs"][0]["stages"][1]["us"].erase("p99"); }) ==
          "runs[0].stages[1].us.p99: is missing");
    CHECK(refusal_after([](json& file) { file["runs"][0]["samples"][3].erase(1); }) ==
          "runs[0].samples[3]: does not have a time, a total and each stage");
    CHECK(refusal_after([](json& file) { file["runs"] = "x"; }) == "runs: is not a list");
}

TEST_CASE("a frame may lack a stage, and a run its samples") {
    CHECK(refusal_after([](json& file) { file["runs"][0]["samples"][3][2] = nullptr; }) == "");
    CHECK(refusal_after([](json& file) { file["runs"][0].erase("samples"); }) == "");
    CHECK(refusal_after([](json& file) { file["runs"][0]["samples"] = json::array(); }) == "");
    CHECK(refusal_after([](json& file) { file["figures"][0].erase("rounds"); }) == "");
}

TEST_CASE("whatever stands anywhere, the file is refused or compared and shown") {
    json file = latency({run("video", 1, 1, 3)});
    file["figures"] = json::array({figure("it", 10, 1, 3), counted("none", 0)});
    file["notes"] = json::array({json{{"subject", "memory"}, {"text", "a note"}}});
    const auto good = parse_results(file.dump(), "good");
    REQUIRE(good);
    int taken = 0, refused = 0;
    replace_everywhere(file, file, [&] {
        const auto results = parse_results(file.dump(), "changed");
        results ? ++taken : ++refused;
        if (!results) return;
        const auto comparison = bench::compare(*good, *results, 1.05);
        CHECK(comparison.to_text(*good, *results) != "");
        CHECK(results_page(*good, *results, comparison).size() > 10000);
    });
    CHECK(taken > 100);
    CHECK(refused > 100);
}

TEST_CASE("no text of a file reaches the terminal as a command to it") {
    CHECK(printable("a\x1b[2Jb\nc\x7f") == "a?[2Jb?c?");
    CHECK(printable(std::string(1000, 'x')).size() == 160);
    CHECK(printable(std::string(159, 'x') + "\xc3\xa9") == std::string(159, 'x'));
}

TEST_CASE("no text of a file ends the page's script element") {
    const std::string hostile = "</script><!-- <script>\u2028&amp;";
    const std::string text = json_for_script({{"name", hostile}});
    CHECK(text.find_first_of("<>&") == std::string::npos);
    CHECK(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; }));
    CHECK(json::parse(text)["name"] == hostile);
}
