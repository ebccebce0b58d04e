#include "conf/schema.hpp"

#include <set>

#include "conf/binding.hpp"
#include "tests/support/catch.hpp"

using namespace weir::conf;

TEST_CASE("schema: names are unique in their scope, and every directive gives its reason") {
    std::set<std::pair<scope, std::string_view>> seen;
    for (const auto& each : schema()) {
        INFO(each.name);
        CHECK(seen.emplace(each.where, each.name).second);
        CHECK_FALSE(each.why.empty());
        CHECK(find_directive(each.where, each.name) == &each);
        CHECK((!each.plain.empty() || !each.keyed.empty() || each.has_block != block::never));
    }
    CHECK(find_directive(scope::top, "retry") == nullptr);
}

TEST_CASE("schema: every default reads, by its own rules, to what it says") {
    config whole;
    target all{.whole = &whole};
    all.listener = &whole.listeners.emplace_back();
    all.route = &all.listener->routes.emplace_back();
    all.route->responds.emplace();
    all.route->redirects.emplace();
    all.action = &all.route->request_headers.emplace_back();
    all.backend = &whole.backends.emplace_back();
    all.server = &all.backend->servers.emplace_back();
    all.rate = &all.route->rates.emplace_back();
    all.route->hedge.emplace();
    all.server_tls = &all.listener->tls.emplace();
    all.client_tls = &all.backend->tls.emplace();
    all.certificate = &all.server_tls->certificates.emplace_back();
    all.sni = &all.listener->sni.emplace_back();
    all.algorithms = &all.server_tls->algorithms;
    for (const auto& each : schema())
        for (const auto* arguments : {&each.plain, &each.keyed})
            for (const auto& argument : *arguments) {
                INFO(each.name << ' ' << argument.name);
                CHECK(argument.in != nullptr);
                CHECK_FALSE(expectation(argument).empty());
                if (argument.fallback.empty()) continue;
                const auto done = assign(argument, argument.in(all), argument.fallback, {argument.name, {}});
                CHECK(done);
                if (argument.fallback == "auto" && each.name == "workers")
                    continue;  // resolved once the cores are known
                const auto printed = print(argument, argument.in(all), whole);
                CHECK(assign(argument, argument.in(all), printed, {argument.name, {}}));
                CHECK(print(argument, argument.in(all), whole) == printed);
            }
}

TEST_CASE("schema: what an argument takes, in words") {
    CHECK(expectation(find_directive(scope::backend, "retry")->plain[0]) == "a whole number from 0 to 10");
    CHECK(expectation(find_directive(scope::listen, "accept_proxy")->plain[0]) == "on or off");
    CHECK(expectation(find_directive(scope::listen, "max_body")->plain[0]) ==
          "unlimited or a size from 0B to 1048576GiB");
    CHECK(expectation(find_directive(scope::backend, "timeout")->keyed[0]) == "a time from 1ms to 1h");
}
