#pragma once
/// The controllable origin server: one thread, one edge-triggered epoll set, no code shared with weir.
///
///     origin::server web{{.port = 0, .name = "a"}};
///     std::puts(web.address().c_str());              // "127.0.0.1:34567"
///     web.run();                                     // until stop(), which a signal handler may call
///
/// Without a thread of its own it is driven by `step`, so a test can hold both ends. What it answers is described in
/// origin_behaviour.hpp (the query part of a target) and origin_connection.hpp (the paths).
///
/// Errors of set-up (address in use, bad defaults) are a std::runtime_error of the constructor.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/origin_behaviour.hpp"
#include "tests/support/origin_service.hpp"
#include "tests/support/origin_tls.hpp"

namespace origin {

enum class protocol : std::uint8_t {
    http,
    echo,     ///< TCP: sends back what comes, passes half-close on
    discard,  ///< TCP: reads and forgets, closes after the client
    digest,   ///< TCP: reads; at the client's FIN answers "LENGTH FNV1A64\n" and closes
    source,   ///< TCP: sends `source_bytes` of the known text, then FIN
};

struct options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string unix_path;  ///< if set, listens here instead of on an address
    std::string name = "origin";
    protocol speaks = protocol::http;
    std::uint64_t source_bytes = 0;
    std::string speak_first;                  ///< sent on every new connection, whatever the protocol
    std::chrono::microseconds idle_close{0};  ///< closes idle keep-alive connections; 0: never
    std::string defaults;                     ///< a query applied to every request, as if by /control
    std::string service;                      ///< a query for /control/service
    int backlog = 4096;
    tls_settings tls;  ///< without a certificate: none
};

/// What /control/seconds tells, of each whole second since the start or /control/reset.
struct second_counts {
    std::uint64_t requests = 0;
    std::uint64_t in_flight = 0;  ///< at its end
};

/// What /control/stats tells. Requests to /control are not counted.
struct counters {
    std::uint64_t requests = 0, bad_requests = 0, aborted = 0, in_flight = 0, in_flight_max = 0;
    std::uint64_t connections_accepted = 0, connections_open = 0, connections_open_max = 0;
    std::uint64_t bytes_received = 0, bytes_sent = 0;  ///< within TLS, where there is TLS
    std::uint64_t tls_full = 0, tls_resumed = 0;       ///< handshakes done
    std::uint64_t tls_failed = 0;                      ///< connections that ended or broke before theirs was
};

class connection;

class server {
public:
    explicit server(options chosen);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Waits for something to do, but no longer than `longest` (negative: for ever), and does it.
    void step(std::chrono::milliseconds longest);
    void run();
    void stop();  ///< async-signal-safe

    const std::string& address() const { return address_; }  ///< "127.0.0.1:80", "[::1]:80" or "unix:/path"

    // For the connections.
    const options& settings() const { return options_; }
    counters& count() { return counters_; }
    std::optional<tls_side>& tls() { return tls_; }
    steady::time_point now() const { return now_; }
    void wake_at(steady::time_point when, const connection& who);
    behaviour next_behaviour();
    /// True if there is a line for `who` to wait in; connection::on_served follows.
    bool queue(const connection& who);
    /// Answers a request below /control: status and body.
    std::pair<int, std::string> control(std::string_view path, std::string_view query);
    /// Where every connection receives: what it does not use at once it copies.
    std::vector<char>& receive_buffer() { return receive_buffer_; }

private:
    struct slot {
        std::unique_ptr<connection> held;
        std::uint32_t generation = 0;
    };
    struct wake {
        steady::time_point when;
        std::uint64_t key;
        bool operator>(const wake& other) const { return when > other.when; }
    };

    void listen_on_address();
    void listen_on_unix();
    void start_listening();
    void stop_listening();
    void end_seconds();
    void accept_some();
    connection* find(std::uint64_t key);
    void remove_if_over(connection& c);
    std::chrono::nanoseconds wait_limit(std::chrono::milliseconds longest) const;
    std::string stats_json() const;
    std::string seconds_json() const;

    options options_;
    std::optional<tls_side> tls_;
    counters counters_;
    behaviour defaults_;
    bool has_defaults_ = false;
    steady::time_point defaults_since_{};
    double share_owed_ = 0;  ///< spreads `share` evenly instead of by chance: 0.3 is 3 of any 10
    int epoll_ = -1, listener_ = -1, stop_event_ = -1;
    bool accepting_ = true, stopped_ = false;
    std::string address_;
    steady::time_point now_ = steady::now();
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::priority_queue<wake, std::vector<wake>, std::greater<>> wakes_;
    service service_;
    std::vector<second_counts> seconds_;
    steady::time_point second_end_ = now_ + std::chrono::seconds{1};
    std::uint64_t requests_before_ = 0;  ///< this second
    std::vector<char> receive_buffer_;
};

}  // namespace origin
