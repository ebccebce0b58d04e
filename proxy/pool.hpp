#pragma once
/// Kept-alive connections to one server, in one worker.
///
///     if (auto idle = pool.take(false)) use(std::move(idle));
///     pool.put(std::move(connection));
///
/// The last one given back is taken first, so that what is too many ages out. An idle connection stays watched: when its
/// server closes it, resets it, or says something nobody asked for, it leaves the pool at once. It is closed before the
/// server's own idle limit, which is learned (lib/resilience/idle_limit.hpp), and retired after its share of requests and
/// time. Belongs to one loop; its connections die with it.
#include <memory>
#include <vector>

#include "conf/config.hpp"
#include "lib/net/byte_stream.hpp"
#include "lib/resilience/idle_limit.hpp"
#include "lib/resilience/random.hpp"

namespace weir {

/// A connection to a server with what its reuse depends on.
struct server_connection {
    explicit server_connection(stream_ptr connected) : stream{std::move(connected)} {}
    stream_ptr stream;
    time_point retire_at{};
    time_point idle_since{};
    unsigned requests_left = 0;
    bool reused = false;  // it came out of the pool
};

class connection_pool final : byte_stream::idle_watcher {
public:
    connection_pool(loop& time, const conf::backend& settings, random_source& chance);
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;

    /// A connection that was alive when the loop last looked, or nothing. `verify` asks the kernel too: for a request that
    /// could not be sent again.
    std::unique_ptr<server_connection> take(bool verify);
    /// Sets the limits of a connection that was just made.
    void welcome(server_connection& fresh);
    /// The exchange on it is over and left nothing behind; keeps it, or closes it if it has had its share.
    void put(std::unique_ptr<server_connection> used);
    /// The server said how long it keeps idle connections (Keep-Alive: timeout=).
    void hint(std::chrono::seconds timeout) noexcept { limit_.hinted(timeout); }

    std::size_t size() const noexcept { return idle_.size(); }
    /// Closes those that have been idle too long; called every `sweep_every`.
    void sweep();
    static constexpr auto sweep_every = 250ms;
    void clear() noexcept { idle_.clear(); }

private:
    void on_stirred(byte_stream& stream) noexcept override;

    loop& time_;
    const conf::backend& settings_;
    random_source& chance_;
    idle_limit limit_;
    std::vector<std::unique_ptr<server_connection>> idle_;  // longest idle first
};

}  // namespace weir
