#include "lib/resilience/retry_rules.hpp"

#include <string>
#include <utility>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

using kind = failed_try::kind;

/// A failure that everything speaks for repeating.
failed_try simple(kind what) {
    return {.what = what,
            .sent = what != kind::connect && what != kind::dead_pooled,
            .repeatable = true,
            .replayable = true,
            .retries_left = 2,
            .time_left = 30s,
            .status = what == kind::status ? 503u : 0u};
}

retry_policy willing() {
    retry_policy policy{.timeout = true, .trust_marker = true};
    policy.statuses.add(503);
    return policy;
}

std::expected<next_try, no_retry> decide(const failed_try& f, const retry_policy& policy = willing()) {
    random_source chance{1};
    return next_try_after(f, policy, chance);
}

/// The table of retry_rules.hpp, a row a line: when is it allowed, for an idempotent request and for another.
enum class when : std::uint8_t { never, enabled, always };
struct row {
    const char* failure;
    when idempotent, other;
};
row row_of(const failed_try& f, const retry_policy& policy) {
    switch (f.what) {
    case kind::connect: return {"connect, TLS failed", when::enabled, when::enabled};
    case kind::dead_pooled: return {"pooled connection was dead", when::always, when::always};
    case kind::reset: return {"reset after bytes", when::enabled, when::never};
    case kind::status:
        if (f.status == 503 && f.marked_unprocessed && policy.trust_marker)
            return {"503 not processed, trusted", when::always, when::always};
        return {"status", when::enabled, when::never};
    case kind::timeout:
        if (!f.sent) return {"timeout, nothing sent", when::enabled, when::enabled};
        return {"timeout", when::enabled, when::never};
    }
    std::unreachable();
}

/// Takes a number apart, so that counting up goes through every combination of what is drawn.
struct combination {
    unsigned rest;
    unsigned of(unsigned n) { return std::exchange(rest, rest / n) % n; }
    bool flag() { return of(2) == 1; }
    template <class T, std::size_t N> T one(const T (&list)[N]) { return list[of(N)]; }
};

bool enabled(const failed_try& f, const retry_policy& policy) {
    switch (f.what) {
    case kind::connect: return policy.connect_failure;
    case kind::dead_pooled: return true;
    case kind::reset: return policy.reset;
    case kind::status: return policy.statuses.contains(f.status);
    case kind::timeout: return policy.timeout;
    }
    std::unreachable();
}

/// What the table and the words beneath it say, with a backoff of up to 100 ms.
bool as_specified(const std::expected<next_try, no_retry>& next, const failed_try& f, const retry_policy& policy) {
    const auto r = row_of(f, policy);
    const auto column = f.repeatable ? r.idempotent : r.other;
    const bool free = f.what == kind::dead_pooled;
    const bool response = f.what == kind::status;
    const bool allowed = (column == when::always || (column == when::enabled && enabled(f, policy))) && !f.answered &&
                         f.replayable && (f.retries_left > 0 || free) && !(response && f.marked_final) &&
                         !(response && f.retry_after > 1s);
    const bool at_once = free || (f.what == kind::connect && f.another_server);
    const auto least = response ? f.retry_after.value_or(0ns) : 0ns;
    const auto most = at_once ? least : least + 100ms;
    if (next)
        return allowed && next->wait >= least && next->wait <= most && next->free == free &&
               next->wait + *f.usual <= f.time_left;
    // Where the wait is drawn, it decides whether the time suffices.
    return !word(next.error()).empty() && !(allowed && most + *f.usual <= f.time_left);
}

}  // namespace

TEST_CASE("the whole table of what may be tried again") {
    random_source chance{1};
    std::size_t rows = 0, allowed = 0;
    for (;; ++rows) {
        combination c{static_cast<unsigned>(rows)};
        failed_try f{.usual = 100ms};
        f.what = c.one({kind::connect, kind::dead_pooled, kind::reset, kind::status, kind::timeout});
        f.sent = c.flag();
        f.repeatable = c.flag();
        f.replayable = c.flag();
        f.answered = c.flag();
        f.another_server = c.flag();
        f.retries_left = c.of(2);
        f.time_left = c.one<nanoseconds>({0ms, 300ms, 30s});
        f.status = c.one({404u, 429u, 502u, 503u, 504u});
        f.marked_unprocessed = c.flag();
        f.marked_final = c.flag();
        f.retry_after = c.one<std::optional<nanoseconds>>({std::nullopt, 0ms, 400ms, 2s});
        retry_policy policy{.backoff = {.first = 100ms, .most = 100ms}};
        policy.connect_failure = c.flag();
        policy.reset = c.flag();
        policy.timeout = c.flag();
        policy.trust_marker = c.flag();
        if (c.flag()) policy.statuses.add(f.status);
        if (c.rest > 0) break;  // all were met

        const auto next = next_try_after(f, policy, chance);
        allowed += next.has_value();
        if (as_specified(next, f, policy)) continue;
        FAIL(row_of(f, policy).failure << ": " << (next ? "allowed" : word(next.error())));
    }
    CHECK(rows == 5 * 64 * 3 * 5 * 4 * 4 * 32);
    CHECK(allowed > 10'000);
}

TEST_CASE("the first obstacle is named") {
    for (const auto what : {kind::connect, kind::dead_pooled, kind::reset, kind::status, kind::timeout})
        CHECK(decide(simple(what)));

    auto f = simple(kind::reset);
    f.time_left = 0ns;
    CHECK(decide(f).error() == no_retry::no_time_left);
    f.retries_left = 0;
    CHECK(decide(f).error() == no_retry::no_attempt_left);
    f.replayable = false;
    CHECK(decide(f).error() == no_retry::not_replayable);
    f.repeatable = false;
    CHECK(decide(f).error() == no_retry::not_repeatable);
    CHECK(decide(f, {.reset = false}).error() == no_retry::not_enabled);
    f.answered = true;
    CHECK(decide(f).error() == no_retry::answered);

    auto refused = simple(kind::status);
    refused.marked_final = true;
    CHECK(decide(refused).error() == no_retry::told_not_to);
}

TEST_CASE("a POST that a server may have seen is not sent twice") {
    for (const auto what : {kind::reset, kind::status, kind::timeout}) {
        auto f = simple(what);
        f.repeatable = false;
        CHECK(decide(f).error() == no_retry::not_repeatable);
    }
    auto untrusted = simple(kind::status);
    untrusted.repeatable = false;
    untrusted.marked_unprocessed = true;
    auto policy = willing();
    CHECK(decide(untrusted, policy));
    policy.trust_marker = false;
    CHECK(decide(untrusted, policy).error() == no_retry::not_repeatable);
}

TEST_CASE("a failed connect goes to another server at once, to the same after a pause") {
    auto f = simple(kind::connect);
    f.another_server = true;
    CHECK(decide(f) == next_try{});
    f.another_server = false;
    CHECK(decide(f)->wait > 0ns);
}

TEST_CASE("a dead pooled connection costs no attempt") {
    auto f = simple(kind::dead_pooled);
    f.retries_left = 0;
    CHECK(decide(f) == next_try{.free = true});
}

TEST_CASE("Retry-After is waited for when it is short, and passed on when it is long") {
    auto f = simple(kind::status);
    f.retry_after = 1s;
    const auto next = decide(f);
    CHECK((next->wait >= 1s && next->wait <= 1025ms));
    f.retry_after = 1s + 1ns;
    CHECK(decide(f).error() == no_retry::told_to_wait);
    f.retry_after = 1s;
    f.time_left = 900ms;
    CHECK(decide(f).error() == no_retry::no_time_left);
}

TEST_CASE("a try that cannot finish in time is not begun") {
    auto f = simple(kind::connect);
    f.another_server = true;
    f.time_left = 100ms;
    f.usual = 100ms;
    CHECK(decide(f));
    f.usual = 101ms;
    CHECK(decide(f).error() == no_retry::no_time_left);
    f.usual = std::nullopt;
    CHECK(decide(f));
    f.usual = nanoseconds::max();
    CHECK(decide(f).error() == no_retry::no_time_left);
}

TEST_CASE("a set of statuses holds errors only") {
    status_set set;
    for (const unsigned status : {0u, 200u, 399u, 400u, 503u, 599u, 600u, ~0u}) set.add(status);
    for (const unsigned status : {400u, 503u, 599u}) CHECK(set.contains(status));
    for (const unsigned status : {0u, 200u, 399u, 401u, 502u, 598u, 600u, ~0u}) CHECK_FALSE(set.contains(status));
}
