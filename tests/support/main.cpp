/// The entry point of the unit and of the end-to-end tests: Catch2's own, plus a tally that scripts can add up.
///
/// At the end of a run one line, "passed failed" in test cases, is appended to the file named by WEIR_TEST_TALLY. A
/// program that dies half-way writes none, which is how scripts/test notices.
#define CATCH_CONFIG_RUNNER
#include "tests/support/catch.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using listener_base = Catch::EventListenerBase;
#else
using listener_base = Catch::TestEventListenerBase;
#endif

struct tally : listener_base {
    using listener_base::listener_base;

    void testRunEnded(const Catch::TestRunStats& run) override {
        const char* file = std::getenv("WEIR_TEST_TALLY");
        if (!file) return;
        const auto& cases = run.totals.testCases;
        std::ofstream{file, std::ios::app} << cases.passed << ' ' << cases.failed << '\n';
    }
};

CATCH_REGISTER_LISTENER(tally)

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a peer that closes is an error to look at, not the end of the tests
    return Catch::Session().run(argc, argv);
}
