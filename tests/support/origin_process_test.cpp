#include "tests/support/origin_process.hpp"

#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using weir::testing::child_process;

TEST_CASE("child: lines, output and exit code") {
    child_process child{{"/bin/sh", "-c", "echo one; echo two $WORD; echo bad >&2; printf rest; exit 7"},
                        {"WORD=three"}};
    CHECK(child.wait_for("two") == "two three");
    CHECK(child.wait_for_error("b") == "bad");
    CHECK(child.wait() == 7);
    CHECK(child.output() == "one\ntwo three\nrest");
    CHECK(child.errors() == "bad\n");
    CHECK_FALSE(child.wait_for("never"));
}

TEST_CASE("child: a full pipe does not block it") {
    child_process child{{"/bin/sh", "-c", "head -c 3000000 /dev/zero; echo; echo done"}};
    CHECK(child.wait_for("done"));
    CHECK(child.wait() == 0);
    CHECK(child.output().size() == 3'000'006);
}

TEST_CASE("child: signals, and the code they end it with") {
    child_process child{{"/bin/sh", "-c", "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done"}};
    REQUIRE(child.wait_for("ready"));
    CHECK(child.running());
    child.signal(SIGTERM);
    CHECK(child.wait() == 3);
    CHECK(child.output().ends_with("caught\n"));
    child_process other{{"/bin/sleep", "1000"}};
    other.signal(SIGKILL);
    CHECK(other.wait() == 128 + SIGKILL);
}

TEST_CASE("child: the destructor ends it, TERM or not") {
    for (const auto* script : {"echo ready; exec sleep 1000", "trap '' TERM; echo ready; exec sleep 1000"}) {
        pid_t pid = -1;
        {
            child_process child{{"/bin/sh", "-c", script}};
            REQUIRE(child.wait_for("ready"));
            pid = child.pid();
            CHECK(kill(pid, 0) == 0);
        }
        CHECK(kill(pid, 0) == -1);
        CHECK(errno == ESRCH);
    }
}

TEST_CASE("child: a program that is not there is an exception") {
    CHECK_THROWS_AS(child_process({"/no/such/program"}), std::runtime_error);
}

TEST_CASE("child: the port of an announced address") {
    CHECK(weir::testing::port_in("listening on [::1]:8080") == 8080);
    CHECK(weir::testing::port_in("listening on unix:/x") == 0);
}
