#include "bench/results/page.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "bench/results/page_text.h"

namespace sotto::bench {
namespace {

// Each mark stands once in the template; what is put in place of one is not searched for the next.
std::string filled(std::string_view page, std::string_view style, std::string_view script, const std::string& data) {
    std::string text;
    for (const auto& [mark, value] : {std::pair<std::string_view, std::string_view>{"/*STYLE*/", style},
                                      {"/*DATA*/", data},
                                      {"/*SCRIPT*/", script}}) {
        const std::size_t at = page.find(mark);
        if (at == page.npos) throw std::runtime_error("the page's template lacks a mark");
        text += page.substr(0, at);
        text += value;
        page.remove_prefix(at + mark.size());
    }
    return text += page;
}

std::string page_of(const nlohmann::json& data) {
    return filled(page_html, page_style, page_script, json_for_script(data));
}

nlohmann::json named(const Results& results) { return {{"name", results.name}, {"results", results.json}}; }

}  // namespace

std::string json_for_script(const nlohmann::json& value) {
    // Outside of strings JSON has none of these; inside, an escape stands for the same character.
    std::string text;
    for (const char c : value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
        switch (c) {
            case '<': text += "\\u003c"; break;
            case '>': text += "\\u003e"; break;
            case '&': text += "\\u0026"; break;
            default: text += c;
        }
    }
    return text;
}

std::string results_page(const Results& results) { return page_of({{"a", named(results)}}); }

std::string results_page(const Results& a, const Results& b, const ResultComparison& comparison) {
    return page_of({{"a", named(a)}, {"b", named(b)}, {"comparison", comparison.to_json(a, b)}});
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + printable(path));
}

void write_page(const nlohmann::json& results, const std::string& path) {
    // By the way that a file takes, so that what is not as compare wants it shows here.
    auto parsed = parse_results(results.dump(), std::filesystem::path(path).filename().string());
    if (!parsed) throw std::runtime_error("no page of these results: " + parsed.error());
    write_file(path, results_page(*parsed));
}

}  // namespace sotto::bench
