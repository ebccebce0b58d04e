/// The command line: what it prints, where, and with which exit code.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

const std::string good = "listen 127.0.0.1:0 { route / web; }\nbackend web { server 127.0.0.1:9; }\n";

}  // namespace

TEST_CASE("-c: a good file", "[e2e]") {
    scratch_directory here;
    for (const auto* flag : {"-c", "-t"}) {
        const auto checked = run_weir({flag, "-f", here.write("good.conf", good)});
        CHECK(checked.status == 0);
        CHECK(checked.output == "the configuration is valid\n");
        CHECK(checked.errors.empty());
    }
}

TEST_CASE("-c: a bad file, every error at once, each with its line and a caret", "[e2e]") {
    scratch_directory here;
    const auto file = here.write(
        "bad.conf",
        "listen 127.0.0.1:0 { route / web; }\nbackend web { server 127.0.0.1:9; retyr 3; }\nworkers many;\n");
    const auto checked = run_weir({"-c", "-f", file});
    CHECK(checked.status == 2);
    CHECK(checked.output.empty());
    CHECK(checked.errors.contains(file + ":2:35: error: "));
    CHECK(checked.errors.contains("did you mean 'retry'"));
    CHECK(checked.errors.contains("\n  |                                   ^~~~~\n"));
    CHECK(checked.errors.contains(file + ":3:9: error: "));
    // It does not run either.
    CHECK(run_weir({"-f", file}).status == 2);
}

TEST_CASE("-T: what it prints is a configuration with the same meaning", "[e2e]") {
    scratch_directory here;
    const auto first = run_weir({"-T", "-f", here.write("good.conf", good)});
    CHECK(first.status == 0);
    CHECK(first.output.contains("first_byte=15s"));
    const auto second = run_weir({"-T", "-f", here.write("again.conf", first.output)});
    CHECK(second.status == 0);
    CHECK(second.output == first.output);
}

TEST_CASE("-v, -V and -h", "[e2e]") {
    const auto version = run_weir({"-v"});
    CHECK(version.status == 0);
    CHECK(version.output.starts_with("weir "));
    CHECK(std::count(version.output.begin(), version.output.end(), '\n') == 1);
    const auto versions = run_weir({"-V"});
    CHECK(versions.status == 0);
    for (const auto* library : {"libuv", "llhttp", "openssl"}) CHECK(versions.output.contains(library));
    CHECK(run_weir({"-h"}).output.contains("usage: weir"));
}

TEST_CASE("a wrong command line: exit code 2 and one clear line", "[e2e]") {
    scratch_directory here;
    const auto file = here.write("good.conf", good);
    const std::pair<std::vector<std::string>, const char*> table[] = {
        {{"--frobnicate"}, "--frobnicate"},
        {{"-f"}, "-f needs"},
        {{"-s", "dance", "-f", file}, "reload, drain or stop"},
        {{"-c", "-T", "-f", file}, "-T"},
        {{"-c", file}, "-f"},
        {{"-s", "drain", "-f", file}, "pid_file"},
    };
    for (const auto& [arguments, word] : table) {
        const auto failed = run_weir(arguments);
        INFO(failed.errors);
        CHECK(failed.status == 2);
        CHECK(failed.output.empty());
        CHECK(failed.errors.starts_with("weir: "));
        CHECK(failed.errors.contains(word));
    }
}

TEST_CASE("a file that is not there", "[e2e]") {
    scratch_directory here;
    const auto failed = run_weir({"-f", here.file("no.conf")});
    CHECK(failed.status == 2);
    CHECK(failed.errors.contains(here.file("no.conf")));
}

TEST_CASE("what stands in the way of the start is said, with exit code 1", "[e2e]") {
    scratch_directory here;
    SECTION("the port is in use") {
        raw_server other;
        const auto failed =
            run_weir({"-f", here.write("c.conf", "listen " + other.address() + " { route / { respond 200; } }")});
        CHECK(failed.status == 1);
        CHECK(failed.errors.contains(other.address()));
        CHECK(failed.errors.contains("Address already in use"));
    }
    SECTION("the log cannot be opened") {
        const auto failed =
            run_weir({"-f", here.write("c.conf", "access_log " + here.file("no/such/log") + ";\n" + good)});
        CHECK(failed.status == 1);
        CHECK(failed.errors.contains(here.file("no/such/log")));
    }
    SECTION("there is no such user") {
        const auto failed = run_weir({"-f", here.write("c.conf", "user nobody-of-that-name;\n" + good)});
        CHECK(failed.status == 1);
        CHECK(failed.errors.contains("nobody-of-that-name"));
    }
}

TEST_CASE("the second of two processes does not share a port of the first by accident", "[e2e]") {
    proxy first{"listen 127.0.0.1:0 { route / { respond 200 first; } }"};
    scratch_directory here;
    const auto second =
        run_weir({"-f", here.write("c.conf", "listen " + first.address() + " { route / { respond 200 second; } }")});
    CHECK(second.status == 1);
    CHECK(second.errors.contains(first.address()));
}
