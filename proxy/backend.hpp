#pragma once
/// Backends and their servers as the whole process shares them: what is configured, what is in flight, where they are.
///
///     auto& web = shared.backends[route.backend];
///     auto busy = web.servers[i].begin_request();        // counted until the permit dies
///
/// One object per backend and process; workers read it from their own threads. Counts are atomic; the addresses of a name
/// are replaced as a whole by whoever resolves it (names.hpp).
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "conf/config.hpp"
#include "lib/net/address.hpp"

namespace weir {

class server {
    struct one_less {
        void operator()(server* s) const noexcept { s->in_flight_.fetch_sub(1, std::memory_order_relaxed); }
    };

public:
    using permit = std::unique_ptr<server, one_less>;

    explicit server(const conf::server& settings);
    server(const server&) = delete;

    const conf::server& settings() const noexcept { return settings_; }
    const std::string& name() const noexcept { return settings_.address.text; }

    /// Requests (connections in tcp mode) in flight, over all workers.
    unsigned in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
    permit begin() noexcept {
        in_flight_.fetch_add(1, std::memory_order_relaxed);
        return permit{this};
    }

    /// Empty while a name has not been resolved.
    std::vector<address> addresses() const;
    /// False if they are the same as before.
    bool set_addresses(std::vector<address> found);
    /// The configuration gives a name, which must be looked up.
    bool needs_lookup() const noexcept { return needs_lookup_; }

private:
    const conf::server& settings_;
    std::atomic<unsigned> in_flight_{0};
    bool needs_lookup_ = false;
    mutable std::mutex mutex_;
    std::vector<address> addresses_;
};

class backend {
public:
    explicit backend(const conf::backend& settings);

    const conf::backend& settings() const noexcept { return settings_; }
    const std::string& name() const noexcept { return settings_.name; }
    std::deque<server>& servers() noexcept { return servers_; }

private:
    const conf::backend& settings_;
    std::deque<server> servers_;  // a deque, since servers are referred to and never move
};

}  // namespace weir
