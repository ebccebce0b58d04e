#include "proxy/system.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <utility>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {
struct directory {
    directory() { REQUIRE(::mkdtemp(path) != nullptr); }
    ~directory() {
        ::unlink(file().c_str());
        ::rmdir(path);
    }
    std::string file() const { return std::string{path} + "/weir.pid"; }
    char path[32] = "/tmp/weir-system-XXXXXX";
};
void write(const std::string& path, const char* text) { std::ofstream{path} << text; }
}  // namespace

TEST_CASE("pid file: holds our pid, and goes away with its owner, wherever that moved") {
    directory d;
    {
        auto written = pid_file::write(d.file());
        REQUIRE(written.has_value());
        CHECK(read_pid(d.file()).value() == ::getpid());
        pid_file moved{std::move(*written)};
        pid_file kept;
        kept = std::move(moved);
        CHECK(read_pid(d.file()).has_value());
    }
    CHECK_FALSE(read_pid(d.file()).has_value());
}

TEST_CASE("pid file: one that another process has written meanwhile stays") {
    directory d;
    {
        auto written = pid_file::write(d.file());
        REQUIRE(written.has_value());
        write(d.file(), "999999\n");
    }
    CHECK(read_pid(d.file()).value() == 999999);
}

TEST_CASE("pid file: what is none is refused: nobody shall signal pid 0, 1 or -1 by accident") {
    directory d;
    for (const char* text : {"", "x", "0", "1", "-1"}) {
        write(d.file(), text);
        CHECK_FALSE(read_pid(d.file()).has_value());
    }
    CHECK_FALSE(pid_file::write("/nonexistent/weir.pid").has_value());
}

TEST_CASE("descriptors: some places always, never more than there are descriptors") {
    for (const unsigned descriptors : {0u, 10u, 256u, 1024u, 65'536u, 10'000'000u}) {
        const auto places = connections_for(descriptors, 4, 2);
        CHECK(places >= 1);
        CHECK((places == 1 || places < descriptors));
    }
    CHECK(connections_for(4096, 16, 8) < connections_for(4096, 1, 1));
}

TEST_CASE("privileges: none to drop, or a user that does not exist") {
    CHECK(drop_privileges("", "").has_value());
    CHECK_FALSE(drop_privileges("no-such-user-here", "").has_value());
}
