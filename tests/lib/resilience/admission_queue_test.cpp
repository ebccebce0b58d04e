#include "lib/resilience/admission_queue.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "lib/resilience/random.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{std::chrono::hours{1}};
constexpr auto critical = priority_class::critical, normal = priority_class::normal,
               sheddable = priority_class::sheddable;
constexpr auto nobody = [](queue_entry&, refusal) { FAIL("no one should be refused"); };

struct fixture {
    explicit fixture(const queue_policy& policy) : queue{policy} {}
    ~fixture() {
        for (auto& e : entries) queue.remove(e);
    }

    queue_entry& make(std::uint64_t client, time_point now, priority_class cls = normal) {
        auto& e = entries.emplace_back();
        e.cls = cls;
        e.client_key = client;
        e.since = now;
        return e;
    }
    queue_entry* push(std::uint64_t client, time_point now, priority_class cls = normal) {
        auto& e = make(client, now, cls);
        return queue.push(e, now, [this](queue_entry& out, refusal why) { refused.emplace_back(&out, why); }) ? &e
                                                                                                              : nullptr;
    }
    std::vector<queue_entry*> push_many(unsigned n, std::uint64_t client, time_point now, priority_class cls = normal) {
        std::vector<queue_entry*> made;
        for (unsigned i = 0; i < n; ++i) made.push_back(push(client, now, cls));
        return made;
    }
    std::vector<queue_entry*> expired(time_point now) {
        refused.clear();
        queue.expire(now, [this](queue_entry& e, refusal why) {
            CHECK(!e.waits());
            refused.emplace_back(&e, why);
        });
        std::vector<queue_entry*> out;
        for (const auto& [e, why] : refused) out.push_back(e);
        return out;
    }

    admission_queue queue;
    std::deque<queue_entry> entries;
    std::vector<std::pair<queue_entry*, refusal>> refused;
};

using waiting = std::vector<queue_entry*>;

}  // namespace

TEST_CASE("a burst is served oldest first, clients in turn") {
    fixture f{{}};
    auto* a1 = f.push(1, start);
    auto* a2 = f.push(1, start + 1ms);
    auto* b1 = f.push(2, start + 2ms);
    auto* a3 = f.push(1, start + 3ms);
    CHECK(f.queue.size() == 4);
    CHECK(f.queue.size(normal) == 4);
    CHECK(f.queue.delay(normal, start + 4ms) == 4ms);
    for (auto* next : {a1, b1, a2, a3}) CHECK(f.queue.pop(start + 4ms) == next);
    CHECK(f.queue.pop(start + 4ms) == nullptr);
    CHECK(f.queue.size() == 0);
    CHECK(f.queue.delay(normal, start + 4ms) == 0ms);
}

TEST_CASE("who has waited for patience is refused, to the millisecond") {
    fixture f{{.patience = 100ms}};
    CHECK(f.queue.next_expiry() == time_point::max());
    auto* one = f.push(1, start);
    auto* two = f.push(2, start + 10ms);
    CHECK(f.queue.next_expiry() <= start + 100ms);
    CHECK(f.expired(start + 99ms).empty());
    CHECK(f.expired(start + 100ms) == waiting{one});
    CHECK(f.refused[0].second == refusal::expired);
    CHECK(f.expired(start + 109ms).empty());
    CHECK(f.expired(start + 111ms) == waiting{two});
    CHECK(f.queue.size() == 0);
}

TEST_CASE("who cannot meet its deadline any more leaves at the deadline") {
    fixture f{{.patience = 100ms}};
    auto& e = f.make(1, start);
    e.deadline = start + 30ms;
    REQUIRE(f.queue.push(e, start, nobody));
    CHECK(f.queue.next_expiry() <= start + 30ms);
    CHECK(f.expired(start + 29ms).empty());
    CHECK(f.expired(start + 30ms) == waiting{&e});
    CHECK(f.refused[0].second == refusal::cannot_finish);
}

TEST_CASE("a standing queue is cut to what is fresh, newest first") {
    fixture f{{.patience = 100ms, .strict = 5ms}};
    auto* first = f.push(1, start);
    auto* second = f.push(1, start);
    CHECK(!f.queue.late(normal, start + 99ms));
    REQUIRE(f.queue.pop(start + 50ms) == first);
    const auto stale = f.push_many(3, 1, start + 94ms), fresh = f.push_many(3, 1, start + 98ms);
    CHECK(f.queue.next_expiry() <= start + 100ms);

    CHECK(f.queue.late(normal, start + 100ms));
    CHECK(f.expired(start + 100ms) == waiting{second, stale[0], stale[1], stale[2]});
    CHECK(f.queue.next_expiry() == start + 103ms);
    CHECK(f.expired(start + 102ms).empty());
    for (auto* next : {fresh[2], fresh[1], fresh[0]}) CHECK(f.queue.pop(start + 102ms) == next);
}

TEST_CASE("in a late class those who have just come share with the others by their numbers") {
    fixture f{{.places = 500, .patience = 100ms, .strict = 50ms}};
    f.push_many(10, 1, start + 70ms);
    f.push_many(10, 2, start + 70ms);
    for (auto now = start + 171ms; const std::uint64_t client : {3, 4, 5, 6, 7, 8}) f.push(client, now);
    std::vector<std::uint64_t> served;
    for (int i = 0; i < 8; ++i) served.push_back(f.queue.pop(start + 172ms)->client_key);
    CHECK(served == std::vector<std::uint64_t>{8, 7, 1, 6, 5, 2, 1, 4});
}

TEST_CASE("a client of which one waits keeps its patience beside one in excess") {
    fixture f{{.patience = 100ms, .strict = 5ms}};
    f.push_many(10, 1, start);
    auto* lone = f.push(2, start + 80ms);
    REQUIRE(f.expired(start + 100ms).size() == 10);
    REQUIRE(lone->waits());
    const auto excess = f.push_many(10, 1, start + 101ms);
    CHECK(f.expired(start + 110ms) == waiting{excess.begin(), excess.end() - 1});
    CHECK(f.queue.late(normal, start + 110ms));
    CHECK(f.queue.delay(normal, start + 110ms) == 30ms);
    CHECK(f.expired(start + 179ms).empty());
    CHECK(f.expired(start + 180ms) == waiting{lone});
}

TEST_CASE("few are spared when none is in excess") {
    fixture f{{.places = 100, .patience = 100ms, .strict = 5ms}};
    auto* first = f.push(1, start);
    for (std::uint64_t client = 2; client <= 50; ++client) f.push(client, start + 50ms);
    const auto out = f.expired(start + 100ms);
    CHECK(out.front() == first);
    CHECK(f.queue.size() == 16);
    for (int i = 0; i < 10; ++i) f.queue.pop(start + 101ms);
    for (std::uint64_t client = 51; client <= 80; ++client) f.push(client, start + 101ms);
    CHECK(f.expired(start + 106ms).size() == 20);
    CHECK(f.queue.size() == 16);
}

TEST_CASE("a client with a quarter of what the fullest has waiting is not the cause") {
    fixture f{{.places = 100, .patience = 100ms, .strict = 5ms}};
    auto* first = f.push(9, start);
    const auto two = f.push_many(2, 1, start + 90ms), three = f.push_many(3, 2, start + 90ms);
    f.push_many(8, 3, start + 98ms);
    CHECK(f.expired(start + 100ms) == waiting{first, three[0]});
    for (auto* e : two) CHECK(e->waits());
}

TEST_CASE("late is said of one class") {
    fixture f{{.patience = 100ms, .strict = 5ms}};
    f.push_many(8, 1, start, sheddable);
    const auto kept = f.push_many(8, 1, start + 60ms, critical);
    (void)f.expired(start + 120ms);
    CHECK(!f.queue.late(critical, start + 120ms));
    for (auto* e : kept) CHECK(e->waits());
}

TEST_CASE("a class that was empty is not late") {
    fixture f{{.patience = 100ms, .strict = 5ms}};
    f.push_many(4, 1, start);
    CHECK(f.queue.late(normal, start + 150ms));
    while (f.queue.pop(start + 150ms)) {}
    CHECK(!f.queue.late(normal, start + 150ms));
    f.push_many(4, 1, start + 151ms);
    CHECK(!f.queue.late(normal, start + 160ms));
    CHECK(f.expired(start + 160ms).empty());
}

TEST_CASE("three classes that wait share 8 to 3 to 1") {
    fixture f{{.places = 300}};
    for (unsigned i = 0; i < 300; ++i) REQUIRE(f.push(i, start, static_cast<priority_class>(i % 3)));
    std::map<priority_class, int> served;
    for (int i = 0; i < 96; ++i) ++served[f.queue.pop(start)->cls];
    CHECK(served[critical] == 64);
    CHECK(served[normal] == 24);
    CHECK(served[sheddable] == 8);
}

TEST_CASE("a class that waits alone gets all, and then owes nothing") {
    fixture f{{.places = 300}};
    for (unsigned i = 0; i < 50; ++i) REQUIRE(f.push(i, start, sheddable));
    for (int i = 0; i < 40; ++i) CHECK(f.queue.pop(start)->cls == sheddable);
    for (unsigned i = 0; i < 50; ++i) REQUIRE(f.push(i, start, critical));
    std::map<priority_class, int> served;
    for (int i = 0; i < 36; ++i) ++served[f.queue.pop(start)->cls];
    CHECK(served[sheddable] == 4);
}

TEST_CASE("one client cannot fill the queue") {
    fixture f{{.places = 64}};
    CHECK(std::ranges::count(f.push_many(100, 1, start), nullptr) == 36);
    CHECK(f.refused.empty());
    for (std::uint64_t client = 2; client < 32; ++client) CHECK(f.push(client, start + 1ms));
    CHECK(f.queue.size() == 64);
    REQUIRE(f.refused.size() == 30);
    for (const auto& [out, why] : f.refused) {
        CHECK(out->client_key == 1);
        CHECK(why == refusal::full);
    }
    CHECK(!f.push(1, start + 1ms));
}

TEST_CASE("who makes room is who would have gone last") {
    fixture f{{.places = 8, .patience = 100ms}};
    const auto full = f.push_many(8, 1, start);
    REQUIRE(f.push(2, start + 1ms));
    CHECK(f.refused.back().first == full.back());  // oldest first: the newest
    REQUIRE(f.push(3, start + 100ms));
    CHECK(f.refused.back().first == full.front());  // late: the oldest
}

TEST_CASE("a lower class makes room down to its share, and none for a lower one") {
    fixture f{{.places = 48}};
    for (unsigned i = 0; i < 48; ++i) REQUIRE(f.push(i, start, sheddable));
    for (unsigned i = 0; i < 44; ++i) CHECK(f.push(100 + i, start, critical));
    CHECK(f.queue.size(sheddable) == 4);  // a twelfth
    CHECK(f.queue.size(critical) == 44);
    for (unsigned i = 0; i < 40; ++i) (void)f.push(200 + i, start, normal);
    CHECK(f.queue.size(critical) == 44);
    CHECK(f.queue.size() == 48);
    for (const auto& [out, why] : f.refused) CHECK(out->cls != critical);
}

TEST_CASE("pop passes over those that cannot go, for a few looks") {
    fixture f{{.places = 300}};
    SECTION("the second of a client when the first cannot") {
        f.push(7, start);
        auto* second = f.push(7, start + 1ms);
        f.push(7, start + 2ms);
        CHECK(f.queue.pop(start + 3ms, [&](queue_entry& e) { return &e == second; }) == second);
        CHECK(f.queue.size() == 2);
    }
    SECTION("however many cannot, eight are looked at, of every class and of different clients") {
        for (unsigned i = 0; i < 90; ++i) f.push(i / 3, start, static_cast<priority_class>(i % 3));
        std::multiset<priority_class> seen;
        std::set<std::uint64_t> clients;
        const auto look = [&](queue_entry& e) {
            seen.insert(e.cls);
            clients.insert(e.client_key);
            return false;
        };
        CHECK(f.queue.pop(start, look) == nullptr);
        CHECK(seen.size() == admission_queue::most_looks);
        CHECK(seen.count(critical) == 6);
        CHECK(seen.count(normal) == 1);
        CHECK(seen.count(sheddable) == 1);
        CHECK(clients.size() >= 6);
        CHECK(f.queue.size() == 90);
    }
    SECTION("a class of which no one can go does not save up") {
        for (unsigned i = 0; i < 200; ++i) f.push(i, start, i % 2 ? critical : normal);
        for (int i = 0; i < 50; ++i) CHECK(f.queue.pop(start, [](queue_entry& e) { return e.cls == normal; }));
        std::map<priority_class, int> served;
        for (int i = 0; i < 22; ++i) ++served[f.queue.pop(start)->cls];
        CHECK(served[normal] >= 3);
    }
}

TEST_CASE("leaving is free, at any time") {
    fixture f{{.patience = 100ms}};
    auto* a = f.push(1, start);
    auto* b = f.push(1, start);
    auto* c = f.push(1, start);
    f.queue.remove(*b);
    f.queue.remove(*b);
    CHECK(!b->waits());
    CHECK(f.queue.size() == 2);
    CHECK(f.queue.pop(start) == a);
    f.queue.remove(*a);  // gone already
    CHECK(f.queue.pop(start) == c);
    CHECK(f.queue.pop(start) == nullptr);

    // One refusal has the owner take back another that is due in the same moment.
    a->since = b->since = start;
    REQUIRE(f.queue.push(*a, start, nobody));
    REQUIRE(f.queue.push(*b, start, nobody));
    int told = 0;
    f.queue.expire(start + 200ms, [&](queue_entry& e, refusal) {
        ++told;
        f.queue.remove(&e == a ? *b : *a);
    });
    CHECK(told == 1);
    CHECK(f.queue.size() == 0);
}

TEST_CASE("a changed policy holds for who comes") {
    fixture f{{.places = 4, .patience = 100ms}};
    f.push_many(4, 1, start);
    f.queue.set_policy({.places = 2, .patience = 20ms});
    CHECK(!f.push(1, start));
    CHECK(f.queue.size() == 4);
    REQUIRE(f.push(2, start));  // in place of one of the others
    CHECK(f.queue.size() == 4);
    f.queue.set_policy({.places = 0});
    CHECK(!f.push(9, start, sheddable));
}

namespace {

/// Every operation in any order, each checked against a list of who waits.
void any_history(std::uint64_t seed) {
    random_source chance{seed};
    queue_policy policy{.places = 1 + chance.below(40), .patience = milliseconds{20 + chance.below(200)}};
    admission_queue queue{policy};
    std::deque<queue_entry> entries;
    std::map<queue_entry*, milliseconds> present;  // and the patience each came with
    std::uint64_t arrived = 0, served = 0, expired = 0, cannot = 0, left = 0, full = 0;
    auto now = start;
    auto promised = time_point::max();

    const auto out = [&](queue_entry& e) {
        RC_ASSERT(present.erase(&e) == 1u);
        RC_ASSERT(!e.waits());
    };
    const auto refuse = [&](queue_entry& e, refusal why) {
        const auto patience = present.at(&e);
        out(e);
        RC_ASSERT(now - e.since <= patience + 1ms);
        if (why == refusal::full) return void(++full);
        RC_ASSERT(promised <= now);
        if (why == refusal::cannot_finish) {
            RC_ASSERT(now >= e.deadline);
            RC_ASSERT(now < e.deadline + 1ms);
            ++cannot;
        } else {
            RC_ASSERT(now - e.since >= std::min(policy.strict, patience));
            ++expired;
        }
    };
    for (int step = 0; step < 600; ++step) {
        switch (chance.below(8)) {
        case 0:
        case 1:
        case 2: {
            auto& e = entries.emplace_back();
            e.cls = static_cast<priority_class>(chance.below(3));
            e.client_key = chance.below(4) ? 1 : chance.below(20);
            e.since = now;
            if (chance.below(3) == 0) e.deadline = now + nanoseconds{1 + chance.below(100'000'000)};
            ++arrived;
            present[&e] = policy.patience;
            if (!queue.push(e, now, refuse)) {
                out(e);
                ++full;
                RC_ASSERT(present.size() >= policy.places);
            }
            break;
        }
        case 3: {
            auto* e = queue.pop(now);
            RC_ASSERT((e != nullptr) == !present.empty());
            if (e) {
                out(*e);
                ++served;
            }
            break;
        }
        case 4: {
            unsigned looks = 0;
            auto* e = queue.pop(now, [&](queue_entry& seen) {
                ++looks;
                RC_ASSERT(present.contains(&seen));
                return chance.below(3) == 0;
            });
            RC_ASSERT(looks <= admission_queue::most_looks);
            RC_ASSERT(e || looks == std::min(present.size(), admission_queue::most_looks));
            if (e) {
                out(*e);
                ++served;
            }
            break;
        }
        case 5:
            if (!present.empty()) {
                auto& e = *std::next(present.begin(), chance.below(static_cast<std::uint32_t>(present.size())))->first;
                queue.remove(e);
                out(e);
                ++left;
            }
            break;
        case 6:
            if (chance.below(20) == 0) {
                policy.places = chance.below(40);
                policy.strict = milliseconds{1 + chance.below(20)};
                queue.set_policy(policy);
            }
            break;
        default:
            for (auto ms = chance.below(8); ms-- > 0;) {
                promised = queue.next_expiry();
                now += 1ms;
                queue.expire(now, refuse);
                for (const auto& [e, patience] : present) {
                    RC_ASSERT(now - e->since < patience);
                    RC_ASSERT(now < e->deadline);
                }
            }
        }
        RC_ASSERT(queue.size() == present.size());
        for (const auto cls : {critical, normal, sheddable}) {
            RC_ASSERT(queue.size(cls) == std::ranges::count(present, cls, [](auto& p) { return p.first->cls; }));
            nanoseconds oldest{0};
            for (const auto& [e, patience] : present)
                if (e->cls == cls) oldest = std::max(oldest, now - e->since);
            RC_ASSERT(queue.delay(cls, now) == oldest);
        }
    }
    RC_ASSERT(arrived == served + expired + cannot + left + full + present.size());
    for (const auto& [e, patience] : present) queue.remove(*e);
    RC_ASSERT(queue.size() == 0u);
}

}  // namespace

TEST_CASE("whoever comes is served, refused or leaves, and in time", "[property]") {
    rc::prop("in any order of events", [](std::uint64_t seed) { any_history(seed); });
}

TEST_CASE("no class that waits starves", "[property]") {
    rc::prop("each gets a twelfth at least, whoever else waits", [](std::uint64_t seed) {
        random_source chance{seed};
        fixture f{{.places = 60}};
        std::array<int, priority_classes> passed_over{};
        auto now = start;
        for (int i = 0; i < 3000; ++i) {
            for (auto n = chance.below(4); n-- > 0;)
                f.push(chance.below(30), now,
                       chance.below(10) ? critical : static_cast<priority_class>(chance.below(3)));
            now += 1ms;
            f.queue.expire(now, [](queue_entry&, refusal) {});
            if (chance.below(2)) continue;
            std::array<bool, priority_classes> waited{};
            for (std::size_t c = 0; c < priority_classes; ++c)
                waited[c] = f.queue.size(static_cast<priority_class>(c)) > 0;
            const auto* e = f.queue.pop(now);
            for (std::size_t c = 0; e && c < priority_classes; ++c) {
                if (e->cls == static_cast<priority_class>(c)) passed_over[c] = 0;
                else if (waited[c]) ++passed_over[c];
                RC_ASSERT(passed_over[c] <= 24);  // 12 on average, and what it owed before
            }
        }
    });
}
