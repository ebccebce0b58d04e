#include "conf/small_file.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"

using namespace weir::conf;

namespace {

/// A directory of its own, gone with the test.
struct scratch {
    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~scratch() { std::filesystem::remove_all(path); }
    std::string with(std::string_view name, std::string_view text) const {
        auto file = path + "/" + std::string{name};
        std::ofstream{file, std::ios::binary} << text;
        return file;
    }
    std::string path = "/tmp/weir-small-file-XXXXXX";
};

}  // namespace

TEST_CASE("small file: the whole text, up to the limit and not a byte more") {
    const scratch here;
    CHECK(read_small_file(here.with("a", "one\ntwo\n"), 100) == "one\ntwo\n");
    CHECK(read_small_file(here.with("empty", ""), 100) == "");
    CHECK(read_small_file(here.with("full", std::string(1024, 'x')), 1024) == std::string(1024, 'x'));
    CHECK(read_small_file(here.with("more", std::string(1025, 'x')), 1024).error() == "it is larger than 1KiB");
}

TEST_CASE("small file: what is no regular file is refused at once, and never waited for") {
    const scratch here;
    const auto fifo = here.path + "/fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(read_small_file(here.path, 100).error() == "it is a directory");
    CHECK(read_small_file(fifo, 100).error() == "it is not a regular file");
    CHECK(read_small_file("/dev/zero", 100).error() == "it is not a regular file");
    CHECK(read_small_file(here.path + "/none", 100).error() == "No such file or directory");
}
