#include "proxy/log_writer.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/catch.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

namespace {
struct log_file {
    log_file() { ::close(::mkstemp(path)); }
    ~log_file() { ::unlink(path); }
    std::string text() const {
        std::ostringstream all;
        all << std::ifstream{path}.rdbuf();
        return all.str();
    }
    char path[32] = "/tmp/weir-log-XXXXXX";
};
}  // namespace

TEST_CASE("log writer: every line, in order, and finish() waits for the last") {
    log_file file;
    run_on_uv([&file](uv_loop& time) -> task<void> {
        offload_pool disk{"test-log", 1, 16};
        auto target = log_target::open(file.path);
        REQUIRE(target.has_value());
        log_writer log{time, disk, *target, 100};
        scope running{time};
        running.spawn(log.run());
        log.append("one\n");
        log.append("two\n");
        co_await time.yield();
        log.append("three\n");
        log.finish();
        co_await running.joined();
        CHECK(log.dropped() == 0);
    });
    CHECK(file.text() == "one\ntwo\nthree\n");
}

TEST_CASE("log writer: a full queue drops the newest lines and counts them, without waiting") {
    log_file file;
    run_on_uv([&file](uv_loop& time) -> task<void> {
        offload_pool disk{"test-log", 1, 16};
        auto target = log_target::open(file.path);
        log_writer log{time, disk, *target, 2};
        for (const char* line : {"a\n", "b\n", "c\n", "d\n"}) log.append(line);  // nobody empties it yet
        CHECK(log.dropped() == 2);
        scope running{time};
        running.spawn(log.run());
        log.finish();
        co_await running.joined();
    });
    CHECK(file.text() == "a\nb\n");
}

TEST_CASE("log target: opened anew after a rename; the old file stays in use if that fails") {
    log_file file;
    auto target = log_target::open(file.path);
    REQUIRE(target.has_value());
    CHECK((*target)->write("old\n") == 0);
    const auto aside = std::string{file.path} + ".1";
    REQUIRE(::rename(file.path, aside.c_str()) == 0);
    CHECK((*target)->reopen());
    CHECK((*target)->write("new\n") == 0);
    CHECK(file.text() == "new\n");
    ::unlink(aside.c_str());
    CHECK_FALSE(log_target::open("/nonexistent/log").has_value());
}
