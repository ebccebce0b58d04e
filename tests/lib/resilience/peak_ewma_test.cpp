#include "lib/resilience/peak_ewma.hpp"

#include <cmath>
#include <vector>

#include "lib/resilience/balancer.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

bool near(nanoseconds a, nanoseconds b) { return std::abs((a - b).count()) <= b.count() / 1000 + 1; }

void answer(peak_ewma& latency, nanoseconds took, time_point now) {
    latency.started(now - took);
    latency.answered(took, now);
}

}  // namespace

TEST_CASE("a peak counts at once, an improvement slowly") {
    peak_ewma latency;
    CHECK(latency.value(start) == 0ns);
    answer(latency, 10ms, start);
    CHECK(latency.value(start) == 10ms);
    answer(latency, 500ms, start);
    CHECK(latency.value(start) == 500ms);
    answer(latency, 10ms, start);
    CHECK(latency.value(start) == 500ms);
    answer(latency, 10ms, start + 10s);
    CHECK(near(latency.value(start + 10s), 10ms + nanoseconds{std::llround(490e6 / std::exp(1.0))}));
}

TEST_CASE("between answers the average sinks, to nothing in the end") {
    peak_ewma latency;
    answer(latency, 1s, start);
    auto before = 1s + 0ns;
    for (auto t = 0ms; t < 100s; t += 7ms) {
        const auto value = latency.value(start + t);
        CHECK(value <= before);
        CHECK(near(value, nanoseconds{std::llround(1e9 * std::exp(-static_cast<double>(t.count()) / 10'000))}));
        before = value;
    }
    CHECK(latency.value(start + 1h) == 0ns);
    CHECK(latency.value(start - 1ms) == 1s);
}

TEST_CASE("a failure costs a second, twice the p99 or what it took, whichever is most") {
    for (const auto& [elapsed, p99, cost] :
         {std::tuple{100us + 0ns, 0ns, 1s + 0ns}, {0ns, 2s, 4s}, {0ns, 400ms, 1s}, {15s, 2s, 15s}}) {
        peak_ewma latency;
        answer(latency, 1ms, start);
        latency.started(start);
        latency.failed(elapsed, p99, start);
        CHECK(latency.value(start) == cost);
    }
}

TEST_CASE("a failure does not lower what is known to be worse") {
    peak_ewma latency;
    answer(latency, 20s, start);
    latency.started(start);
    latency.failed(1ms, 0ns, start + 1s);
    CHECK(latency.value(start + 1s) > 18s);
}

TEST_CASE("a server that answers nothing counts with its silence") {
    peak_ewma latency;
    answer(latency, 1ms, start);
    latency.started(start);
    latency.started(start + 1s);
    CHECK(latency.value(start + 3s) == 3s);
    WHEN("one of two is answered") {
        latency.answered(3s, start + 3s);
        THEN("the other's silence begins anew, and the answer counts") {
            CHECK(latency.value(start + 3s) == 3s);
            CHECK(latency.value(start + 9s) == 6s);
        }
    }
    WHEN("both are given up") {
        latency.cancelled(4s, start + 4s);
        latency.cancelled(3s, start + 4s);
        THEN("what they waited for is kept") { CHECK(latency.value(start + 4s) == 4s); }
    }
}

TEST_CASE("one slow answer among many does not condemn its server") {
    peak_ewma latency;
    latency.started(start);  // and answers in a minute
    auto now = start;
    for (; now < start + 60s; now += 10ms) answer(latency, 2ms, now);
    CHECK(latency.value(now) <= 10ms);
}

TEST_CASE("a cancelled try may raise the average and never lowers it") {
    peak_ewma latency;
    answer(latency, 100ms, start);
    latency.started(start);
    latency.cancelled(1ms, start);
    CHECK(latency.value(start) == 100ms);
    latency.started(start);
    latency.cancelled(200ms, start);
    CHECK(latency.value(start) == 200ms);
}

TEST_CASE("the average follows its definition", "[property]") {
    rc::prop("in any order of events", [](const std::vector<std::pair<std::uint16_t, std::uint32_t>>& events) {
        peak_ewma latency;
        double model = 0;
        auto now = start, updated = start;
        for (const auto& [pause, took_us] : events) {
            now += milliseconds{pause % 4000};
            const double kept = std::exp(-std::chrono::duration<double>(now - updated).count() / 10);
            const nanoseconds took = std::chrono::microseconds{took_us % 5'000'000 + 1};
            const auto ns = static_cast<double>(took.count());
            latency.started(now);
            const auto raise = [&](double to) {
                if (to <= model * kept) return;
                model = to;
                updated = now;
            };
            switch (took_us % 4) {
            case 0:
                latency.failed(took, 300ms, now);
                raise(std::max(ns, 1e9));
                break;
            case 1:
                latency.cancelled(took, now);
                raise(ns);
                break;
            default:
                latency.answered(took, now);
                model = ns >= model ? ns : model * kept + ns * (1 - kept);
                updated = now;
            }
            const double kept_since = std::exp(-std::chrono::duration<double>(now - updated).count() / 10);
            RC_ASSERT(near(latency.value(now), nanoseconds{std::llround(model * kept_since)}));
        }
    });
}

namespace {

/// Open-loop load on servers that answer, or fail, after a fixed time; who got what within [from, to).
struct server_model {
    nanoseconds takes;  // max(): for ever
    bool fails = false;
    nanoseconds joins = 0ns;
};
std::vector<int> shares(const std::vector<server_model>& servers, nanoseconds gap, nanoseconds from, nanoseconds to) {
    struct running {
        time_point ends;
        std::size_t server;
    };
    std::vector<peak_ewma> latency(servers.size());
    std::vector<unsigned> in_flight(servers.size());
    std::vector<int> got(servers.size());
    std::vector<running> all;
    balancer pick{balancing::least_latency};
    random_source chance{1};
    for (auto now = start; now < start + to; now += gap) {
        std::erase_if(all, [&](const running& r) {
            if (r.ends > now) return false;
            const auto& s = servers[r.server];
            s.fails ? latency[r.server].failed(s.takes, 10ms, r.ends) : latency[r.server].answered(s.takes, r.ends);
            --in_flight[r.server];
            return true;
        });
        const auto at = [&](std::size_t i) {
            return candidate{
                .in_flight = in_flight[i], .latency = latency[i].value(now), .usable = now >= start + servers[i].joins};
        };
        const auto chosen = *pick.pick({servers.size(), at}, chance);
        latency[chosen].started(now);
        ++in_flight[chosen];
        if (servers[chosen].takes < nanoseconds::max()) all.push_back({now + servers[chosen].takes, chosen});
        if (now >= start + from) ++got[chosen];
    }
    return got;
}

}  // namespace

TEST_CASE("a black hole gets next to nothing after a second") {
    for (const std::size_t peers : {1, 2, 4, 9}) {
        std::vector<server_model> servers(peers, server_model{5ms});
        servers.push_back({nanoseconds::max()});
        CHECK(shares(servers, 5ms, 1s, 11s).back() <= 20);  // 1 % of 2,000
    }
}

TEST_CASE("a server that fails at once does not look fast") {
    for (const std::size_t peers : {1, 2, 4, 9}) {
        std::vector<server_model> servers(peers, server_model{5ms});
        servers.push_back({100us, true});
        CHECK(shares(servers, 5ms, 1s, 11s).back() <= 20);
    }
}

TEST_CASE("a slow server gets the less, a fast one not all") {
    const auto got = shares({{5ms}, {5ms}, {5ms}, {5ms}, {50ms}}, 1ms, 1s, 11s);
    CHECK(got[4] < 500);  // a fifth of 10,000 by count
    for (int i = 0; i < 4; ++i) CHECK((got[i] > 2000 && got[i] < 3000));
}

TEST_CASE("a new server gets neither all nor nothing, whatever the others take") {
    for (const nanoseconds usual : {500us + 0ns, 5ms + 0ns, 50ms + 0ns}) {
        std::vector<server_model> servers(5, server_model{usual});
        servers.back().joins = 1s;
        const auto got = shares(servers, 20ms, 1s, 5s).back();
        CHECK((got > 20 && got < 80));  // a fifth of 200 is 40
    }
}
