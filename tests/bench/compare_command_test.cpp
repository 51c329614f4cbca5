// The exit codes of `sotto-bench compare`, on files of runs that never were.
#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "bench/results/command.h"
#include "bench/sample_results.h"

using namespace sotto;
using namespace sotto::bench;
using namespace sotto::test;

namespace {

class Folder {
  public:
    Folder() { std::filesystem::create_directories(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    std::string write(const std::string& name, const json& file) const {
        std::ofstream(path_ / name) << file.dump();
        return (path_ / name).string();
    }

  private:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() / ("sotto-compare-" + std::to_string(::getpid()));
};

int compare_files(std::vector<std::string> words) {
    words.insert(words.begin(), {"sotto-bench", "compare"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    const auto code = results_command(static_cast<int>(arguments.size()), arguments.data());
    REQUIRE(code);
    return *code;
}

// A run of which all but our share is the same: of `share` of the frames it is `factor` times as long.
json with_own_share(double factor, double share = 1) {
    json one = run("video", 1);
    std::vector<double> own;
    constexpr int frames = 1000;
    for (int i = 0; i < frames; ++i) own.push_back((i < share * frames ? factor : 1) * (40 + i % 10));
    one["own_us"] = percentiles(own);
    one["own_samples"] = own;
    return latency({one});
}

}  // namespace

TEST_CASE("a run whose own share is larger ends the comparison with 1, whatever way it grew") {
    const Folder folder;
    const std::string before = folder.write("before", with_own_share(1));
    CHECK(compare_files({before, before}) == 0);
    const std::string larger = folder.write("larger", with_own_share(1.3));
    CHECK(compare_files({before, larger}) == 1);
    CHECK(compare_files({larger, before}) == 0);  // better
    // A little over the threshold for all frames, or far over it for one in ten.
    CHECK(compare_files({before, folder.write("a little", with_own_share(1.08))}) == 1);
    CHECK(compare_files({before, folder.write("the tail", with_own_share(2, 0.1))}) == 1);
    CHECK(compare_files({before, folder.write("less than that", with_own_share(1.02))}) == 0);
}

TEST_CASE("the threshold that was asked for decides the exit code") {
    const Folder folder;
    const std::string before = folder.write("before", with_own_share(1));
    const std::string larger = folder.write("larger", with_own_share(1.3));
    CHECK(compare_files({before, larger, "--threshold", "1.5"}) == 0);
    CHECK(compare_files({before, larger, "--threshold", "1.2"}) == 1);
    CHECK(compare_files({before, larger, "--threshold", "0.5"}) == 2);
}

TEST_CASE("what cannot be compared ends with 2, what cannot be written with 1") {
    const Folder folder;
    const std::string before = folder.write("before", with_own_share(1));
    CHECK(compare_files({before, before + " is not there"}) == 2);
    CHECK(compare_files({before, folder.write("a suite", suite({figure("it", 10, 1)}))}) == 2);
    CHECK(compare_files({before}) == 2);
    CHECK(compare_files({before, before, "--json", before + "/in a file"}) == 1);
}
