// proxy.conf.example is the manual, so it may not rot: its first part loads, its second is the reference itself.
// After a change of the schema: unit_tests "[regenerate]" writes the second part anew.
#include <fstream>
#include <iterator>

#include "conf/load.hpp"
#include "conf/schema.hpp"
#include "tests/support/catch.hpp"

using namespace weir::conf;

namespace {

constexpr auto path = "proxy.conf.example";  // tests run from the top of the repository

std::string example() {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

TEST_CASE("proxy.conf.example loads without an error or a warning") {
    const auto text = example();
    const auto result = load(path, text, {.cores = 1});
    INFO(render(result.found, text));
    CHECK(result.found.empty());
    REQUIRE(result.value);
    CHECK(result.value->backends[0].servers.size() == 3);
}

TEST_CASE("proxy.conf.example ends with the reference") { CHECK(example().ends_with(reference())); }

TEST_CASE("the reference names every directive and argument with its default") {
    const auto text = reference();
    for (const auto& each : schema()) {
        INFO(each.name);
        // A name may stand in several scopes; each scope has its own part.
        const std::string_view parts[] = {"# At the top", "# In listen",  "# In tls { ... } of a listener",
                                          "# In route",   "# In backend", "# In tls { ... } of a backend"};
        const auto scope_start = text.find(parts[static_cast<int>(each.where)]);
        const bool is_bare = each.plain.empty() && each.keyed.empty() && each.has_block == block::may;
        const auto start = text.find("\n# " + std::string{each.name} + (is_bare ? ";" : " "), scope_start);
        REQUIRE(start != std::string::npos);
        const auto part = text.substr(start, text.find("\n#\n", start) - start);
        for (const auto* arguments : {&each.plain, &each.keyed})
            for (const auto& argument : *arguments) {
                INFO(argument.name);
                CHECK(part.find(" " + std::string{argument.name} + ": ") != std::string::npos);
                CHECK(part.find(std::string{argument.fallback}) != std::string::npos);
            }
    }
    for (std::size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
        CHECK(end - start <= 120);
}

TEST_CASE("write the second part of proxy.conf.example anew", "[.][regenerate]") {
    auto text = example();
    const auto start = text.find("\n# -----");
    REQUIRE(start != std::string::npos);
    text.resize(start);
    std::ofstream{path} << text << reference();
}
