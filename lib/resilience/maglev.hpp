#pragma once
/// The same key to the same server, as long as the servers stay the same and none gets too much.
///
///     maglev table{names_and_weights};                 // once for each change of the server list
///     const auto chosen = table.pick(stable_hash(key), {servers.size(), at}, {.in_flight = 40, .weight = 5}, 125);
///
/// Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016): every server has a
/// permutation of all places of a table, from its name alone; they take turns, in proportion to weight, in claiming
/// the next free place of their own. So shares are even to 1 %, the table depends on names and weights and not on
/// their order, and when one of n servers leaves, little more than its own 1/n of the keys moves. Looking up is one
/// access.
///
/// Bounded load (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018): a server that
/// has more than `bound_percent` of its fair share of the requests in flight passes the key on to the owner of the
/// key's next place (a rehash); so does one that is not usable. One popular key so spreads over as many servers as it
/// needs, and keys of a server that is away spread over all others. What passes on is decided again for each request:
/// nothing is remembered.
///
/// 128 KiB. Building is O(M log n) for M places and about 2 M ln M steps of permutation, some milliseconds. Immutable,
/// so that any thread may use it.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/resilience/balancer.hpp"

namespace weir {

struct maglev_server {
    std::uint64_t name = 0;  // stable_hash() of it
    unsigned weight = 1;     // 0: has no place in the table
};

/// Of all usable servers together, without backups; kept by the caller, so that a request need not look at each.
struct group_load {
    std::uint64_t in_flight = 0;
    double weight = 0;  // of the candidates, as lowered by slow start and the like
};

class maglev {
public:
    static constexpr std::size_t places = 65'537;  // prime, as the permutations need; the paper's small table

    /// At most 65,535 servers.
    explicit maglev(std::span<const maglev_server> servers);

    /// The server for `key`, usable, no backup and not tried; none when there is no such, and a `balancer` should
    /// decide. `among` holds the servers of the table in the same order; backups have no weight in the table.
    std::optional<std::size_t> pick(std::uint64_t key, candidate_view among, const group_load& all,
                                    unsigned bound_percent) const;
    /// The server that owns the place of `key`, usable or not; none when the table is empty.
    std::optional<std::size_t> owner(std::uint64_t key) const noexcept;

private:
    static std::size_t place_of(std::uint64_t key) noexcept { return key % places; }

    std::vector<std::uint16_t> table_;
};

}  // namespace weir
