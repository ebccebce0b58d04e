#pragma once
/// The last few thousand decisions of the process's state machines, so that one can ask afterwards why something happened.
///
///     journal events{4096};
///     events.add(now, {.kind = journal_kind::breaker, .backend = "web", .server = "10.0.0.1:80",
///                      .from = "closed", .to = "open", .why = "streak"});
///     std::uint64_t seen = 0;
///     for (const auto& each : events.since(seen)) ... each.number ...      // oldest first
///
/// Each entry is a transition of one machine: what it was, what it is, and why. Transitions are rare (a breaker opens, a server
/// is ejected), so a lock and a few allocations are no burden; requests are not noted here, that is the access log's business.
/// A ring: the newest entry takes the place of the oldest. Entries are numbered from 1 without gaps, so a reader that comes
/// again and again sees what it has missed. Times are those of the loops; who tells of them knows the hour.
///
/// Safe from any thread; may be called under another lock, for it calls nobody.
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/async/loop.hpp"

namespace weir {

enum class journal_kind : std::uint8_t {
    phase,      // of the process: starting, serving, draining
    shedding,   // the highest step of a worker's ladder
    panic,      // of a backend: too few servers are usable
    breaker,    // of a server
    ejection,   // of a server, as an outlier: ejected, slowed
    health,     // of a server, by active checks
    limit,      // of a server: moved by a quarter or more, or an experiment ended
    addresses,  // of a server's name
};
inline constexpr std::size_t journal_kinds = static_cast<std::size_t>(journal_kind::addresses) + 1;
std::string_view word(journal_kind kind) noexcept;

struct journal_entry {
    journal_kind kind{};
    int worker = -1;  // -1: not a worker's
    std::string backend{}, server{};
    std::string from{}, to{}, why{};
    std::uint64_t number = 0;  // given by the journal, as is
    time_point at{};           // this
};

class journal {
public:
    explicit journal(std::size_t places) : places_{places} {}
    journal(const journal&) = delete;

    void add(time_point now, journal_entry what);
    /// Those with a greater number than `seen`, as far as they are still there; oldest first.
    std::vector<journal_entry> since(std::uint64_t seen) const;
    /// How many there have been.
    std::uint64_t count() const;

private:
    const std::size_t places_;
    mutable std::mutex mutex_;
    std::vector<journal_entry> ring_;  // number n stands at (n - 1) % places_
    std::uint64_t count_ = 0;
};

}  // namespace weir
