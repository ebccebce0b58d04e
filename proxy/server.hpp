#pragma once
/// One server as the whole process sees it: where it is, and what the mechanisms that guard it know about it.
///
/// The addresses are replaced as a whole by whoever resolves the name (names.hpp), from any thread. Everything in
/// `guarded` belongs to the backend's lock (backend.hpp); nobody else touches it.
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "lib/net/address.hpp"
#include "lib/resilience/adaptive_limit.hpp"
#include "lib/resilience/circuit_breaker.hpp"
#include "lib/resilience/health_counter.hpp"
#include "lib/resilience/outcome.hpp"
#include "lib/resilience/peak_ewma.hpp"
#include "lib/resilience/slow_start.hpp"
#include "lib/telemetry/histogram.hpp"

namespace weir {

/// Why a try is made.
enum class try_kind : std::uint8_t { first, retry, hedge, race };
inline constexpr int try_kind_count = static_cast<int>(try_kind::race) + 1;
std::string_view word(try_kind kind) noexcept;

/// What the configuration says of breakers: a server's own, and those of a route.
breaker_policy breaker_policy_of(const conf::backend::breaking& settings);

/// An order from the administrator.
enum class breaker_order : std::uint8_t { open, close, reset };

class server {
public:
    server(const conf::server& settings, const conf::backend& of);
    server(const server&) = delete;

    const conf::server& settings() const noexcept { return settings_; }
    const std::string& name() const noexcept { return settings_.address.text; }

    /// Requests (connections in tcp mode) in flight, over all workers; written under the backend's lock.
    unsigned in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

    /// Empty while a name has not been resolved.
    std::vector<address> addresses() const;
    /// False if they are the same as before.
    bool set_addresses(std::vector<address> found);
    /// The configuration gives a name, which must be looked up.
    bool needs_lookup() const noexcept { return needs_lookup_; }

private:
    friend class backend;

    struct under_lock {
        under_lock(const conf::server& settings, const conf::backend& of);

        circuit_breaker breaker;
        adaptive_limit limit;
        peak_ewma latency;
        health_counter health;
        slow_start warming;
        unsigned measured = 0;  // in flight and counted by `limit`
        std::array<std::uint64_t, try_kind_count> tries{};
        std::array<std::uint64_t, outcome_count> outcomes{};
        latency_histogram first_byte;
        struct {
            circuit_breaker::state breaker = circuit_breaker::state::closed;
            std::uint64_t opened = 0;
            unsigned limit = 0;
            std::uint64_t experiments = 0;
        } noted;  // as it stands in the journal
    };

    const conf::server& settings_;
    std::atomic<unsigned> in_flight_{0};
    under_lock guarded_;
    bool needs_lookup_ = false;
    mutable std::mutex mutex_;  // of the addresses
    std::vector<address> addresses_;
};

}  // namespace weir
