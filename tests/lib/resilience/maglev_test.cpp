#include "lib/resilience/maglev.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "lib/resilience/stable_hash.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::vector<maglev_server> named(std::size_t n, unsigned weight = 1) {
    std::vector<maglev_server> made;
    for (std::size_t i = 0; i < n; ++i) made.push_back({stable_hash("10.0.0." + std::to_string(i) + ":80"), weight});
    return made;
}

/// Whose place each is, by name.
std::vector<std::uint64_t> owners(const maglev& table, const std::vector<maglev_server>& servers) {
    std::vector<std::uint64_t> all(maglev::places);
    for (std::size_t place = 0; place < maglev::places; ++place) all[place] = servers[*table.owner(place)].name;
    return all;
}

std::size_t differing(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < a.size(); ++i) n += a[i] != b[i];
    return n;
}

double usable_weight(const std::vector<candidate>& among) {
    double sum = 0;
    for (const auto& c : among) sum += c.usable && !c.backup ? c.weight : 0;
    return sum;
}

}  // namespace

TEST_CASE("every server has its share of the places") {
    for (const std::size_t n : {1, 2, 3, 10, 100, 1000}) {
        const auto servers = named(n);
        const maglev table{servers};
        std::vector<std::size_t> met(n);
        for (std::size_t place = 0; place < maglev::places; ++place) ++met[*table.owner(place)];
        const auto [least, most] = std::minmax_element(met.begin(), met.end());
        CHECK(*most - *least <= 1);
    }
    const std::vector<maglev_server> unlike{{1, 1}, {2, 2}, {3, 0}, {4, 5}};
    const maglev table{unlike};
    std::vector<double> met(4);
    for (std::size_t place = 0; place < maglev::places; ++place) ++met[*table.owner(place)];
    CHECK(met[2] == 0);
    for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(met[i] - maglev::places * unlike[i].weight / 8.0) <= 2);
}

TEST_CASE("the order of the list does not matter") {
    auto servers = named(20);
    servers[3].weight = 4;
    const auto before = owners(maglev{servers}, servers);
    std::reverse(servers.begin(), servers.end());
    CHECK(owners(maglev{servers}, servers) == before);
}

TEST_CASE("few keys move when a server leaves, comes or weighs more") {
    for (const std::size_t n : {3, 10, 100}) {
        auto servers = named(n);
        const auto before = owners(maglev{servers}, servers);
        const double own = static_cast<double>(maglev::places) / static_cast<double>(n);

        auto heavier = servers;
        heavier[1].weight = 2;
        CHECK(static_cast<double>(differing(owners(maglev{heavier}, heavier), before)) < 2.5 * own);

        auto less = servers;
        less.erase(less.begin());
        const auto after = owners(maglev{less}, less);
        std::size_t moved = 0;
        for (std::size_t i = 0; i < before.size(); ++i) moved += before[i] != servers[0].name && before[i] != after[i];
        CHECK(static_cast<double>(moved) < 0.05 * maglev::places);
    }
}

TEST_CASE("nobody is there") {
    const maglev none{{}};
    CHECK_FALSE(none.owner(1));
    CHECK_FALSE(none.pick(1, std::span<const candidate>{}, {}, 125));
    const maglev weightless{std::vector<maglev_server>{{1, 0}}};
    CHECK_FALSE(weightless.owner(1));
}

TEST_CASE("under light load a key stays with its owner") {
    const maglev table{named(10)};
    const std::vector<candidate> idle(10);
    for (std::uint64_t key = 0; key < 1000; ++key)
        CHECK(table.pick(key, std::span{idle}, {.in_flight = 0, .weight = 10}, 125) == table.owner(key));
}

TEST_CASE("the keys of a server that is away are shared by all others, the rest stay") {
    const maglev table{named(5)};
    std::vector<candidate> among(5);
    among[2].usable = false;
    std::vector<int> inherited(5);
    for (std::uint64_t place = 0; place < 50'000; ++place) {
        const auto chosen = table.pick(place, std::span<const candidate>{among}, {.in_flight = 0, .weight = 4}, 125);
        if (table.owner(place) == 2u) ++inherited[*chosen];
        else REQUIRE(chosen == table.owner(place));
    }
    for (const std::size_t i : {0, 1, 3, 4}) CHECK((inherited[i] > 2000 && inherited[i] < 3000));
}

TEST_CASE("one popular key spreads over as many servers as it needs") {
    const maglev table{named(10)};
    std::vector<candidate> among(10);
    for (unsigned n = 0; n < 1000; ++n)
        ++among[*table.pick(42, std::span<const candidate>{among}, {.in_flight = n, .weight = 10}, 125)].in_flight;
    for (const auto& c : among) CHECK(c.in_flight <= 125);
    CHECK(std::count_if(among.begin(), among.end(), [](const candidate& c) { return c.in_flight > 100; }) >= 5);
}

TEST_CASE("one usable server among very many is found") {
    const maglev table{named(5000)};
    std::vector<candidate> among(5000, candidate{.usable = false});
    CHECK_FALSE(table.pick(7, std::span<const candidate>{among}, {}, 125));
    among[1234].usable = true;
    for (std::uint64_t key = 0; key < 100; ++key)
        CHECK(table.pick(key, std::span<const candidate>{among}, {.in_flight = 0, .weight = 1}, 125) == 1234u);
    among[1234].in_flight = 9;  // more than its share of 9, and yet the only one
    CHECK(table.pick(7, std::span<const candidate>{among}, {.in_flight = 9, .weight = 1}, 100) == 1234u);
}

TEST_CASE("the only server with room is found, however few places it has") {
    auto servers = named(101, 100);
    servers[50].weight = 1;
    const maglev table{servers};
    std::vector<candidate> among(101, candidate{.weight = 100, .in_flight = 200});
    among[50] = {.weight = 1};
    for (std::uint64_t key = 0; key < 20; ++key)
        CHECK(table.pick(key, std::span<const candidate>{among}, {.in_flight = 20'000, .weight = 10'001}, 100) == 50u);
}

TEST_CASE("a pick is usable, new to the request and within the bound", "[property]") {
    rc::prop("for any servers and loads", [](std::uint64_t key) {
        const auto n = *rc::gen::inRange<std::size_t>(1, 20);
        std::vector<maglev_server> servers = named(n);
        std::vector<candidate> among(n);
        group_load all;
        for (std::size_t i = 0; i < n; ++i) {
            servers[i].weight = *rc::gen::inRange(1u, 6u);
            among[i].weight = servers[i].weight * (*rc::gen::element(0.1, 1.0));
            among[i].usable = *rc::gen::inRange(0, 4) != 0;
            among[i].tried = *rc::gen::inRange(0, 4) == 0;
            among[i].backup = *rc::gen::inRange(0, 6) == 0;
            among[i].in_flight = *rc::gen::inRange(0u, 30u);
            if (among[i].usable && !among[i].backup) all.in_flight += among[i].in_flight;
        }
        all.weight = usable_weight(among);
        const auto bound = *rc::gen::element(100u, 125u, 200u);
        // Of the bound; what lies within rounding of it may be taken for either.
        const auto load = [&](const candidate& c) {
            return c.in_flight * all.weight * 100 / (static_cast<double>(all.in_flight + 1) * c.weight * bound);
        };
        const auto any = [&](auto&& what) { return std::any_of(among.begin(), among.end(), what); };
        const auto fresh = [](const candidate& c) { return c.usable && !c.backup && !c.tried; };
        const auto roomy = [&](const candidate& c) { return fresh(c) && load(c) < 1 - 1e-9; };

        const maglev table{servers};
        const auto chosen = table.pick(key, std::span<const candidate>{among}, all, bound);
        RC_ASSERT(chosen.has_value() == any(fresh));
        if (!chosen) return;
        RC_ASSERT(fresh(among[*chosen]));
        if (any(roomy)) RC_ASSERT(load(among[*chosen]) < 1 + 1e-9);
        const auto owner = *table.owner(key);
        if (roomy(among[owner])) RC_ASSERT(*chosen == owner);
        // Somebody has room whenever the numbers are right and nobody was tried: so the bound holds.
        if (!any([](const candidate& c) { return c.tried; })) RC_ASSERT(any(roomy));
    });
}
