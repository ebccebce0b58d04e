#pragma once
/// How many connections each client has open, and the limit of that.
///
///     client_counts open{max_connections, 100};
///     if (!open.enter(key)) return refuse(reason::client_connections);
///     ... open.leave(key);                                 // once for each enter() that said yes
///
/// A client is remembered while it has a connection, no longer. There is room for `places` clients, which never is too
/// few when that is the greatest number of connections; beyond it a new client is refused, for a limit that forgets is
/// none. Keys are 64-bit hashes, seeded; two clients with the same one are one.
///
/// Open addressing with linear probing, half full at most; leaving closes the gap instead of marking it (Knuth, TAOCP
/// volume 3, 6.4, algorithm R), so the table does not age. O(1) expected, allocates once, 32 to 64 bytes a place. Pure; not
/// thread-safe.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

class client_counts {
public:
    client_counts(std::size_t places, unsigned limit);

    bool enter(std::uint64_t key) noexcept;
    void leave(std::uint64_t key) noexcept;
    unsigned count(std::uint64_t key) const noexcept { return table_[find(key)].count; }

    /// Clients with at least one connection.
    std::size_t clients() const noexcept { return clients_; }

private:
    struct slot {
        std::uint64_t key = 0;
        unsigned count = 0;  // 0: free
    };

    std::size_t home(std::uint64_t key) const noexcept;
    std::size_t find(std::uint64_t key) const noexcept;
    void close_gap(std::size_t gap) noexcept;

    std::size_t places_;
    unsigned limit_;
    std::size_t clients_ = 0;
    std::vector<slot> table_;
};

}  // namespace weir
