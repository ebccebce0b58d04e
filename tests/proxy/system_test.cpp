#include "proxy/system.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
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

namespace {

/// A machine's /proc and /sys, as far as they say how much memory there is.
struct machine {
    machine() { REQUIRE(::mkdtemp(path) != nullptr); }
    ~machine() { std::filesystem::remove_all(path); }
    void say(const std::string& file, const char* text) const {
        const std::filesystem::path whole{root() + file};
        std::filesystem::create_directories(whole.parent_path());
        write(whole, text);
    }
    std::string root() const { return path; }
    char path[32] = "/tmp/weir-machine-XXXXXX";
};

}  // namespace

TEST_CASE("memory: what the machine has, where no control group says less") {
    const machine m;
    CHECK(memory_limit(m.root()) == 0);
    m.say("/proc/meminfo", "MemTotal:        1000 kB\nMemFree:          10 kB\n");
    CHECK(memory_limit(m.root()) == 1'024'000);
    m.say("/proc/self/cgroup", "0::/\n");
    m.say("/sys/fs/cgroup/memory.max", "max\n");
    CHECK(memory_limit(m.root()) == 1'024'000);
}

TEST_CASE("memory: the least limit of the control group and those around it") {
    const machine m;
    m.say("/proc/meminfo", "MemFree: 10 kB\nMemTotal: 1000 kB\n");
    SECTION("version 2") {
        m.say("/proc/self/cgroup", "0::/outer/inner\n");
        m.say("/sys/fs/cgroup/outer/inner/memory.max", "700000\n");
        CHECK(memory_limit(m.root()) == 700'000);
        m.say("/sys/fs/cgroup/outer/memory.max", "600000\n");
        CHECK(memory_limit(m.root()) == 600'000);
    }
    SECTION("version 1, which has a number for no limit") {
        m.say("/proc/self/cgroup", "3:cpu,cpuacct:/x\n5:memory:/box\n");
        m.say("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        CHECK(memory_limit(m.root()) == 1'024'000);
        m.say("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "500000\n");
        CHECK(memory_limit(m.root()) == 500'000);
    }
    SECTION("in a container that cannot see the path") {
        m.say("/proc/self/cgroup", "0::/docker/abcdef\n");
        m.say("/sys/fs/cgroup/memory.max", "400000\n");
        CHECK(memory_limit(m.root()) == 400'000);
    }
    SECTION("nonsense") {
        m.say("/proc/self/cgroup", "\n0::\nx:memory\n7:memory:relative\n");
        CHECK(memory_limit(m.root()) == 1'024'000);
    }
}

TEST_CASE("cores: a control group's quota counts, rounded up; none is no limit") {
    const machine m;
    const auto all = usable_cores(m.root());
    CHECK(all >= 1);
    SECTION("version 2") {
        m.say("/proc/self/cgroup", "0::/outer/inner\n");
        m.say("/sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
        CHECK(usable_cores(m.root()) == all);
        m.say("/sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
        CHECK(usable_cores(m.root()) == 1);
        m.say("/sys/fs/cgroup/outer/cpu.max", "100001 100000\n");
        CHECK(usable_cores(m.root()) == std::min(all, 2u));
        m.say("/sys/fs/cgroup/outer/cpu.max", "100000 0\n");
        CHECK(usable_cores(m.root()) == all);
    }
    SECTION("version 1") {
        m.say("/proc/self/cgroup", "3:cpu,cpuacct:/box\n");
        m.say("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
        m.say("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
        CHECK(usable_cores(m.root()) == all);
        m.say("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "20000\n");
        CHECK(usable_cores(m.root()) == 1);
    }
}

TEST_CASE("memory and descriptors: of this very process") {
    CHECK(memory_used() > 100'000);
    CHECK(memory_used() < memory_limit());
    const auto before = open_descriptors();
    CHECK(before >= 3);
    const int one = ::dup(0);
    CHECK(open_descriptors() == before + 1);
    ::close(one);
}
