#pragma once
/// How long a connection to one server may lie idle in the pool: always less than the server itself allows.
///
///     idle_limit limit{{.start = 4s}};
///     if (idle_for < limit.at(now)) reuse(connection);
///     limit.died_idle(idle_for, now);                  // the server closed a pooled connection
///     limit.hinted(5s);                                // its response said Keep-Alive: timeout=5
///
/// A request sent just as the server closes is lost, and only some may be repeated; so we close first. Servers differ
/// (Node 5 s, nginx 75 s, some 1 s) and few tell. We start low, and learn: a pooled connection that dies idle at age
/// `a` sets the limit to 0.8 a for ten minutes. A hint replaces the start value, at 0.8 of what it says, up to
/// `longest`; what was seen beats what was said. A connection that dies younger than `youngest` teaches nothing: then
/// the server has restarted rather than lost patience, and believing it would close the pool for ten minutes. Pure;
/// belongs to one thread (each worker learns for itself, from its own connections).
#include <chrono>
#include <cstdint>
#include <optional>

#include "lib/async/loop.hpp"
#include "lib/resilience/random.hpp"

namespace weir {

struct idle_limit_policy {
    std::chrono::milliseconds start{4'000};     // before anything is known
    std::chrono::milliseconds longest{60'000};  // whatever the server says
    std::chrono::milliseconds youngest{200};
    std::chrono::milliseconds memory{600'000};  // of a death
};

class idle_limit {
public:
    using duration = std::chrono::milliseconds;

    explicit idle_limit(const idle_limit_policy& policy) noexcept : policy_{policy} {}

    duration at(time_point now) const noexcept;
    void died_idle(duration age, time_point now) noexcept;
    /// Whole seconds as in the field; 0: do not keep connections at all.
    void hinted(std::chrono::seconds timeout) noexcept;

private:
    idle_limit_policy policy_;
    std::optional<duration> hint_;
    duration learned_{};
    time_point learned_until_{};
};

/// `value` give or take 10 %, uniformly: what was opened together should not all be closed together. For the age and
/// the number of requests after which a pooled connection is retired.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds value, random_source& chance) noexcept;
unsigned with_jitter(unsigned value, random_source& chance) noexcept;

}  // namespace weir
