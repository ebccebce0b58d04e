#include "lib/resilience/group_guard.hpp"

#include <algorithm>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

struct judged {
    group_view view;
    std::vector<use> uses;
};

judged judge(const std::vector<server_condition>& servers, unsigned panic_permille = 500) {
    judged result{{}, std::vector<use>(servers.size())};
    result.view = group_guard{panic_permille}.judge(servers, result.uses);
    return result;
}

std::vector<server_condition> any_servers() {
    return *rc::gen::container<std::vector<server_condition>>(rc::gen::exec([] {
        const auto sometimes = [] { return *rc::gen::inRange(0, 3) == 0; };
        server_condition s;
        s.breaker_open = sometimes();
        s.ejected = sometimes();
        s.health_down = sometimes();
        s.known_dead = sometimes();
        s.draining = sometimes();
        return s;
    }));
}

}  // namespace

TEST_CASE("a group in good health leaves it to the breakers") {
    const auto [view, uses] = judge(std::vector<server_condition>(3));
    CHECK(view.members == 3);
    CHECK(view.usable == 3);
    CHECK_FALSE(view.panic);
    CHECK(uses == std::vector(3, use::if_breaker_allows));
}

TEST_CASE("what is ejected, down or draining is not used") {
    const auto [view, uses] = judge({{.ejected = true}, {.health_down = true}, {.draining = true}, {}, {}});
    CHECK(view.members == 4);
    CHECK(view.usable == 2);
    CHECK_FALSE(view.panic);
    CHECK(uses == std::vector{use::no, use::no, use::no, use::if_breaker_allows, use::if_breaker_allows});
}

TEST_CASE("under half usable all are used, but for the dead") {
    const auto [view, uses] =
        judge({{.breaker_open = true}, {.breaker_open = true, .known_dead = true}, {.health_down = true}, {}});
    CHECK(view.panic);
    CHECK(view.usable == 1);
    // Requests to servers known to be dead were the complaint of Envoy's users.
    CHECK(uses == std::vector{use::regardless, use::if_breaker_allows, use::no, use::regardless});
}

TEST_CASE("exactly half usable is no panic") {
    CHECK_FALSE(judge({{.breaker_open = true}, {}}).view.panic);
    CHECK(judge({{.breaker_open = true}, {.breaker_open = true}, {}}).view.panic);
}

TEST_CASE("panic can be turned off") {
    const auto [view, uses] = judge({{.breaker_open = true}, {.breaker_open = true}}, 0);
    CHECK_FALSE(view.panic);
    CHECK(view.usable == 0);
    CHECK(uses == std::vector(2, use::if_breaker_allows));
}

TEST_CASE("draining most servers is no panic") {
    CHECK_FALSE(judge({{.draining = true}, {.draining = true}, {}}).view.panic);
    CHECK_FALSE(judge({{.draining = true}}).view.panic);
    CHECK_FALSE(judge({}).view.panic);
}

TEST_CASE("a service that restarts as a whole is found again") {
    // All refused their last connection, there are no checks: someone must be able to probe.
    const auto [view, uses] = judge(std::vector<server_condition>(3, {.breaker_open = true, .known_dead = true}));
    CHECK(view.panic);
    CHECK(uses == std::vector(3, use::if_breaker_allows));
}

TEST_CASE("ejections give way when breakers open") {
    const auto [view, uses] = judge({{.ejected = true}, {.ejected = true}, {.breaker_open = true}, {}});
    CHECK(uses == std::vector{use::no, use::if_breaker_allows, use::if_breaker_allows, use::if_breaker_allows});
    CHECK(view.usable == 2);
    CHECK_FALSE(view.panic);
}

TEST_CASE("the cap is tested after the ejection, not before") {
    const group_guard guard{0};
    // One of ten may go although that is more than none; the sixth may not although five are not more than five.
    std::vector<server_condition> servers(10);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(guard.may_eject(servers, i));
        servers[i].ejected = true;
    }
    CHECK_FALSE(guard.may_eject(servers, 5));
    CHECK_FALSE(guard.may_eject(std::vector<server_condition>(1), 0));  // the only one
    CHECK(guard.may_eject(std::vector<server_condition>(3), 0));
}

TEST_CASE("an open breaker takes a place under the cap") {
    std::vector<server_condition> servers(4);
    servers[0].breaker_open = true;
    servers[1].ejected = true;
    CHECK_FALSE(group_guard{0}.may_eject(servers, 2));
    CHECK(group_guard{0}.may_eject(servers, 0));  // out already: takes nothing more away
}

TEST_CASE("no ejection brings panic on, or takes the last server") {
    std::vector<server_condition> servers(10);
    for (std::size_t i = 0; i < 4; ++i) servers[i].health_down = true;
    CHECK(group_guard{500}.may_eject(servers, 9));
    servers[4].health_down = true;
    CHECK_FALSE(group_guard{500}.may_eject(servers, 9));
    for (std::size_t i = 5; i < 9; ++i) servers[i].health_down = true;
    CHECK_FALSE(group_guard{0}.may_eject(servers, 9));
}

TEST_CASE("the guard keeps its promises", "[property]") {
    rc::prop("for any conditions", [] {
        const auto servers = any_servers();
        const auto permille = *rc::gen::element(0u, 300u, 500u, 1000u);
        const auto [view, uses] = judge(servers, permille);
        unsigned members = 0, open = 0, kept_out = 0, usable = 0;
        for (std::size_t i = 0; i < servers.size(); ++i) {
            const auto& s = servers[i];
            if (s.draining || s.health_down) RC_ASSERT(uses[i] == use::no);
            if (uses[i] == use::regardless) RC_ASSERT(view.panic && !s.known_dead);
            if (uses[i] == use::no) RC_ASSERT(s.draining || s.health_down || s.ejected);
            if (view.panic && !s.draining && !s.health_down) RC_ASSERT(uses[i] != use::no);
            if (s.draining) continue;
            ++members;
            open += s.breaker_open;
            kept_out += uses[i] == use::no && !s.health_down && !s.breaker_open;
            usable += uses[i] != use::no && !s.breaker_open;
        }
        RC_ASSERT(view.members == members);
        if (kept_out > 0) RC_ASSERT(open + kept_out <= members / 2);
        if (!view.panic) {
            RC_ASSERT(view.usable == usable);
            RC_ASSERT(usable * 1000 >= permille * members);
        }
        RC_ASSERT(view.usable <= usable);
    });
    rc::prop("what may be ejected stays ejected, without panic", [] {
        auto servers = any_servers();
        const auto permille = *rc::gen::element(0u, 300u, 500u, 1000u);
        for (std::size_t i = 0; i < servers.size(); ++i) {
            if (!group_guard{permille}.may_eject(servers, i)) continue;
            servers[i].ejected = true;
            const auto [view, uses] = judge(servers, permille);
            RC_ASSERT(!view.panic);
            RC_ASSERT(view.usable > 0);
            RC_ASSERT(uses[i] ==
                      (servers[i].breaker_open && !servers[i].health_down ? use::if_breaker_allows : use::no));
        }
    });
}
