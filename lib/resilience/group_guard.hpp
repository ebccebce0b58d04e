#pragma once
/// Sees to it that the mechanisms which take single servers out do not take out the group.
///
///     const group_guard guard{500};                        // panic below 50 % usable
///     const auto view = guard.judge(conditions, uses);     // on each change of a condition, O(n)
///     if (uses[i] == use::regardless || (uses[i] == use::if_breaker_allows && breaker.allows(now, chance))) ...
///
/// Two protections. A cap: open breakers and ejections together take no more than half of the servers; ejections beyond
/// that do not count, the later in the list first. An open breaker cannot be overruled that way, for it has just seen
/// failures; so when breakers alone take more, the second comes in. Panic: when less than a share of the servers is
/// usable, the rest would be crushed by the load of all, and it is more likely that something else is wrong than that
/// so many servers are; so all are used.
///
/// Except those known to be dead: requests to them are lost for certain. One that fails its checks gets nothing, the
/// checks bring it back. One that refused the last connection gets what its breaker allows, the probes: with nothing at
/// all nobody would find out that it is back, if there are no checks.
///
/// A draining server is not a member: it is neither used nor counted, so taking servers out on purpose causes no panic.
/// No state, so any thread may use one. Panic as in Envoy, which does not know the dead from the suspected.
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir {

struct server_condition {
    bool breaker_open = false;  // or half open: it gets probes only
    bool ejected = false;       // by outlier detection
    bool health_down = false;   // its active checks fail
    bool known_dead = false;    // the last connect was refused
    bool draining = false;      // on its way out, or held open by an operator's order
};

enum class use : std::uint8_t { no, if_breaker_allows, regardless };

struct group_view {
    unsigned members = 0;
    unsigned usable = 0;  // without panic
    bool panic = false;
};

class group_guard {
public:
    /// 0: no panic, ever.
    explicit group_guard(unsigned panic_permille) noexcept : panic_permille_{panic_permille} {}

    /// `uses` has a place for each server.
    group_view judge(std::span<const server_condition> servers, std::span<use> uses) const noexcept;
    /// Whether server `i` could be ejected now: within the cap, with at least one left to use, and without panic.
    bool may_eject(std::span<const server_condition> servers, std::size_t i) const noexcept;

private:
    bool panics(unsigned usable, unsigned members) const noexcept;

    unsigned panic_permille_;
};

}  // namespace weir
