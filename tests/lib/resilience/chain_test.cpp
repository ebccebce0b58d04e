#include "lib/resilience/chain.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "tests/support/property.hpp"

using namespace weir;

namespace {
struct person {
    links<person> by_age, by_name;
};
using ages = chain<person, &person::by_age>;
using names = chain<person, &person::by_name>;
}  // namespace

TEST_CASE("one element is in two chains, and leaves one") {
    person a, b;
    ages by_age;
    names by_name;
    by_age.push_back(a);
    by_age.push_back(b);
    by_name.push_back(b);
    by_name.push_back(a);
    by_age.remove(a);
    CHECK(by_age.front() == &b);
    CHECK(by_age.back() == &b);
    CHECK(by_name.front() == &b);
    CHECK(by_name.after(b) == &a);
}

TEST_CASE("a chain is a deque without copies", "[property]") {
    rc::prop("both ends, removal anywhere, both ways through", [](const std::vector<std::uint8_t>& steps) {
        std::array<person, 8> people;
        ages c;
        std::deque<person*> model;
        for (const auto step : steps) {
            auto* p = &people[step % 8];
            if (const auto at = std::ranges::find(model, p); at != model.end()) {
                c.remove(*p);
                model.erase(at);
            } else if (step & 8) {
                c.push_front(*p);
                model.push_front(p);
            } else {
                c.push_back(*p);
                model.push_back(p);
            }
            RC_ASSERT(c.empty() == model.empty());
            std::deque<person*> forth, back;
            for (auto* q = c.front(); q; q = c.after(*q)) forth.push_back(q);
            for (auto* q = c.back(); q; q = c.before(*q)) back.push_front(q);
            RC_ASSERT(forth == model);
            RC_ASSERT(back == model);
        }
    });
}
