#pragma once
/// Decides which server of a backend gets the next try.
///
///     balancer pick_from{balancing::p2c};
///     const auto at = [&](std::size_t i) { return servers[i].as_candidate(); };
///     auto chosen = pick_from.pick({servers.size(), at}, chance);       // an index, or nothing: reason::no_server
///
/// Only usable candidates are picked; a backup only when no other is left, one that this request has tried before
/// only when not even a backup is left: for this request it has proved unusable.
///
///     least_latency    p2c, where cost counts latency too: a slow server gets what it can do in the same time.
///     p2c              the cheaper of two different ones drawn by weight (Mitzenmacher, "The power of two choices
///                      in randomized load balancing", IEEE TPDS 2001), of all when there are three or fewer; O(1)
///                      unless most candidates are unusable or weights differ widely.
///     least_requests   the least cost; O(n).
///     round_robin      smooth weighted round robin (nginx, Igor Sysoev 2012): in any run of sum-of-weights picks
///                      each gets exactly its weight, well mixed. Ignores load.
///
/// Cost is (requests in flight + 1) / weight, with least_latency times the latency; an unknown latency stands for the
/// mean of the known ones it is compared with, so that a new server gets its share and is measured. Candidates of
/// equal cost are shared out by weight, and so are all idle ones whenever the cheapest is idle: else the heaviest
/// would take everything as long as traffic is light. With least_latency only those idle ones share that are at most
/// twice as slow as it: less is noise. `in_flight` should count the whole process: with per-worker counts and many
/// workers, each sees noise only.
///
/// Pure but for its own small state (whose turn it is); belongs to one thread. When the number of candidates changes,
/// turns start anew; when servers change places, they inherit each other's turn, which evens out within a round.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "lib/async/loop.hpp"
#include "lib/resilience/random.hpp"

namespace weir {

struct candidate {
    double weight = 1;  // as configured, times whatever lowers it now (slow start, outlier); 0 counts as not usable
    unsigned in_flight = 0;
    nanoseconds latency{};  // that a try may be expected to take; 0: not known
    bool usable = true;     // breaker, ejection, health and limit allow it
    bool backup = false;
    bool tried = false;  // by this request
};

/// A list of candidates, or a function that makes the i-th when it is asked for: so p2c looks at two servers, not at
/// all. Does not own either: both must outlive the call it is passed to.
class candidate_view {
public:
    candidate_view(std::span<const candidate> list) noexcept
        : size_{list.size()}, of_{list.data()},
          at_{[](const void* of, std::size_t i) { return static_cast<const candidate*>(of)[i]; }} {}

    template <class At>
        requires std::is_invocable_r_v<candidate, const At&, std::size_t>
    candidate_view(std::size_t size, const At& at) noexcept
        : size_{size}, of_{std::addressof(at)},
          at_{[](const void* of, std::size_t i) -> candidate { return (*static_cast<const At*>(of))(i); }} {}

    std::size_t size() const noexcept { return size_; }
    candidate operator[](std::size_t i) const { return at_(of_, i); }

private:
    std::size_t size_;
    const void* of_;
    candidate (*at_)(const void*, std::size_t);
};

enum class balancing : std::uint8_t { least_latency, p2c, least_requests, round_robin };

class balancer {
public:
    explicit balancer(balancing how) noexcept : how_{how} {}

    std::optional<std::size_t> pick(candidate_view among, random_source& chance);

private:
    using choice = std::optional<std::size_t>;
    /// Those that are looked at together: all usable ones that are, or are not, a backup and tried.
    struct tier {
        bool backup, tried;
        bool has(const candidate& c) const noexcept {
            return c.usable && c.weight > 0 && c.backup == backup && c.tried == tried;
        }
    };
    struct priced {
        std::size_t index;
        candidate is;
        double latency = 1, cost = 0;
    };

    choice pick_from(candidate_view among, tier who, random_source& chance);
    choice next_turn(candidate_view among, tier who, bool cheapest_only);
    choice cheaper_of_two(candidate_view among, tier who, random_source& chance);
    choice draw_by_weight(candidate_view among, tier who, choice except, random_source& chance);
    void set_costs(std::span<priced> compared) const noexcept;
    bool shares(const priced& p, const priced& cheapest) const noexcept;

    balancing how_;
    std::vector<double> turns_;     // smooth round robin: how much each is owed
    std::vector<priced> compared_;  // one look at each: their loads change while we compare
    double heaviest_ = 0;           // p2c: the greatest weight met; what acceptance is measured against
    std::size_t known_ = 0;         // p2c: for how many candidates that is known
};

}  // namespace weir
