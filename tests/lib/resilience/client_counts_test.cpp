#include "lib/resilience/client_counts.hpp"

#include <map>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("a client has so many connections and no more") {
    client_counts open{100, 2};
    CHECK(open.enter(7));
    CHECK(open.enter(7));
    CHECK(!open.enter(7));
    CHECK(open.enter(8));
    CHECK(open.count(7) == 2);
    CHECK(open.clients() == 2);
    open.leave(7);
    CHECK(open.enter(7));
    open.leave(8);
    CHECK(open.count(8) == 0);
    CHECK(open.clients() == 1);
}

TEST_CASE("a full table refuses new clients, not known ones") {
    client_counts open{2, 10};
    CHECK(open.enter(1));
    CHECK(open.enter(2));
    CHECK(!open.enter(3));
    CHECK(open.enter(2));
    open.leave(1);
    CHECK(open.enter(3));
}

TEST_CASE("counts are those of a map", "[property]") {
    rc::prop("however full, whoever comes and leaves", [](const std::vector<std::uint8_t>& steps) {
        constexpr unsigned limit = 3;
        constexpr std::size_t places = 8;
        client_counts open{places, limit};
        std::map<std::uint64_t, unsigned> model;
        for (const auto step : steps) {
            const std::uint64_t key = step % 16;
            if (step & 16 && model.contains(key)) {
                open.leave(key);
                if (--model[key] == 0) model.erase(key);
            } else {
                const bool fits = model.contains(key) ? model[key] < limit : model.size() < places;
                RC_ASSERT(open.enter(key) == fits);
                if (fits) ++model[key];
            }
            RC_ASSERT(open.clients() == model.size());
            for (std::uint64_t k = 0; k < 16; ++k) RC_ASSERT(open.count(k) == (model.contains(k) ? model[k] : 0));
        }
    });
}
