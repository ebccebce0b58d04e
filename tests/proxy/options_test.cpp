#include "proxy/options.hpp"

#include <vector>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {
auto parsed(std::vector<const char*> words) {
    words.insert(words.begin(), "weir");
    return parse_options(static_cast<int>(words.size()), words.data());
}
}  // namespace

TEST_CASE("options: what is asked for") {
    CHECK(parsed({})->what == options::action::run);
    CHECK(parsed({})->file.empty());
    CHECK(parsed({"-f", "a.conf"})->file == "a.conf");
    CHECK(parsed({"-c", "-f", "a.conf"})->what == options::action::check);
    CHECK(parsed({"-t"})->what == options::action::check);
    CHECK(parsed({"-T"})->what == options::action::print);
    CHECK(parsed({"-v"})->what == options::action::version);
    CHECK(parsed({"-V"})->what == options::action::versions);
    CHECK(parsed({"-h"})->what == options::action::help);
    CHECK(parsed({"-s", "drain"})->signal == "drain");
    CHECK(parsed({"-s", "reload"})->signal == "reload");
    CHECK(parsed({"-s", "stop"})->what == options::action::signal);
}

TEST_CASE("options: what makes no sense is said") {
    CHECK(parsed({"-f"}).error().find("-f") != std::string::npos);
    CHECK_FALSE(parsed({"-s"}));
    CHECK_FALSE(parsed({"-s", "dance"}));
    CHECK_FALSE(parsed({"-c", "-T"}));
    CHECK(parsed({"-c", "a.conf"}).error().find("-f a.conf") != std::string::npos);
    CHECK(parsed({"--wrong"}).error().find("--wrong") != std::string::npos);
}
