#pragma once
/// The load generator: sends requests at a fixed rate, or as fast as they are answered, and measures.
///
///     loadgen::plan p{.target = loadgen::resolve("127.0.0.1:8080"), .rate = 5000, .duration = 10s, .connections = 64};
///     loadgen::tally result = loadgen::engine{p}.run();
///
/// Open loop (rate > 0): request i is wanted at i/rate, whether or not earlier ones were answered; it is sent by the
/// next idle connection, and its latency counts from when it was wanted. So a stall of the server shows in every
/// request that a real crowd of clients would have sent meanwhile ("coordinated omission", Gil Tene, 2013). A request
/// not answered `timeout` after it was wanted is an error, even if no connection was free to send it.
/// Several kinds of clients, each with a rate and a source address of its own, may run at once, and the rate may change in
/// steps (loadgen_schedule.hpp); the tally then tells of each kind and of each step, by when a request was wanted.
/// Closed loop (rate 0): every connection sends as soon as it has its answer; latency counts from the sending.
///
/// With plan::tls each connection begins with a handshake, which counts into the latency of the request it is made for, and has a
/// histogram of its own. The server's certificate is not looked at.
///
/// One thread, one edge-triggered epoll set, non-blocking. stop() may be called by a signal handler.
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/loadgen_histogram.hpp"
#include "tests/support/loadgen_response.hpp"
#include "tests/support/loadgen_schedule.hpp"
#include "tests/support/tls_socket.hpp"

namespace loadgen {

using steady = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};
/// "127.0.0.1:80", "[::1]:80", "name:80" or "unix:/path"; throws std::runtime_error.
socket_address resolve(const std::string& text);

enum class traffic : std::uint8_t {
    http,
    ping_pong,  ///< TCP: sends `message_bytes`, wants as many back
    bulk,       ///< TCP: a connection each; sends `message_bytes`, half-closes, reads to the end
};

/// Clients that have an address and a rate of their own.
struct client_kind {
    std::string name;
    socket_address source;  ///< size 0: the kernel's choice
    double rate = 0;
    unsigned connections = 1;
};

/// What is offered in the handshake. Empty: OpenSSL's default.
struct tls_plan {
    std::string sni = {};
    std::string alpn = {};     ///< "h2,http/1.1"
    std::string version = {};  ///< "1.2" or "1.3", and no other
    std::string ciphers = {};
    std::string ciphersuites = {};
    std::string curves = {};
    bool resume = false;  ///< a new connection resumes the last session of the one it follows
};

struct plan {
    socket_address target;
    std::optional<tls_plan> tls;
    traffic kind = traffic::http;
    double rate = 0;             ///< requests a second; 0: closed loop
    nanoseconds duration{0};     ///< stop wanting new ones after; 0: only `requests` bounds
    std::uint64_t requests = 0;  ///< stop after so many; 0: only `duration` bounds
    unsigned connections = 64;
    std::vector<client_kind> kinds;            ///< in place of `rate` and `connections`
    std::vector<step> steps;                   ///< of the rate
    std::optional<std::uint64_t> random_gaps;  ///< a seed: requests are wanted at random distances
    bool new_connections = false;              ///< one per request, with Connection: close
    nanoseconds timeout = std::chrono::seconds{10};
    std::vector<std::string> heads;  ///< HTTP request heads, used in turn
    std::uint64_t body_bytes = 0;    ///< of known text after each head
    bool head_requests = false;      ///< they are HEAD
    bool verify = false;             ///< bodies must be known text
    std::uint64_t message_bytes = 0;
    bool hold = false;  ///< afterwards keep the connections open until stop()
};

enum class failure : std::uint8_t { connect, reset, closed, timeout, bad_response, mismatch, tls, count_ };
const char* name_of(failure kind);

using status_counts = std::map<int, std::uint64_t>;  ///< TCP counts as 200

/// One second of the run, for plots.
struct second_tally {
    std::uint64_t wanted = 0, answered = 0, errors = 0;
    nanoseconds p50{0}, p99{0}, max{0};
    std::uint64_t ok = 0;  ///< answered with a status below 400
    nanoseconds ok_p50{0}, ok_p99{0};
    status_counts statuses;
};

/// What became of the requests of one step, or of one kind of clients.
struct group_tally {
    std::uint64_t wanted = 0, ok = 0, errors = 0;
    status_counts statuses;
    histogram ok_latency;
};

struct tally {
    std::uint64_t sent = 0;  ///< requests given to a connection
    std::uint64_t answered = 0;
    std::array<std::uint64_t, 6> by_class{};  ///< [2]: 2xx; TCP counts as 2xx
    std::array<std::uint64_t, static_cast<std::size_t>(failure::count_)> errors{};
    std::uint64_t connections_opened = 0, bytes_in = 0, bytes_out = 0;
    std::uint64_t handshakes_full = 0, handshakes_resumed = 0;
    std::map<int, std::uint64_t> alerts;  ///< fatal ones received, by number
    histogram handshake;                  ///< from the TCP connection to the end of the TLS handshake
    nanoseconds elapsed{0};
    histogram latency;   ///< of the answered
    histogram lateness;  ///< how late we were ourselves: sent after wanted, a connection being free
    std::vector<second_tally> seconds;
    std::vector<group_tally> steps, kinds;  ///< as in the plan
    std::uint64_t failed() const;
};

class engine {
public:
    explicit engine(plan what);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    ~engine();

    /// Called when a held run (plan::hold) has everything open, with the tally so far.
    std::function<void(const tally&)> on_holding;

    tally run();
    void stop();  ///< async-signal-safe: wants no more, and lets go of what is held

private:
    enum class state : std::uint8_t { closed, connecting, greeting, idle, busy, leaving };
    struct client {
        int fd = -1;
        state is = state::closed;
        bool readable = false, read_end = false, in_queue = false, cut_off = false;
        std::uint32_t kind = 0;
        std::size_t step = 0;    ///< in which the request was wanted
        std::uint32_t turn = 0;  ///< changes with every request: tells a stale deadline
        steady::time_point wanted{};
        std::string_view to_send;
        std::uint64_t body_sent = 0, received = 0;
        response_reader reader;
        std::optional<weir::testing::tls_socket> tls;
        weir::testing::ssl_session session;  ///< to resume
        steady::time_point greeting_since;
    };
    struct deadline {
        steady::time_point when;
        std::uint32_t who, turn;
    };

    /// The connections of one kind of clients, and when they are to ask.
    struct lane {
        socket_address source;
        std::optional<schedule> due;       ///< none: closed loop
        std::deque<std::uint32_t> idle;    ///< free connections, longest idle first: all take part
        std::deque<deadline> deadlines;    ///< in order, for every request has the same timeout
        steady::time_point waiting_since;  ///< when the last one became free: before it a late start is not ours
    };

    // loadgen_engine.cpp: when
    void want_more();
    void want_more(std::uint32_t kind);
    bool next_wanted(const lane& of, steady::time_point& when) const;
    void begin(std::uint32_t who, steady::time_point wanted, std::size_t step);
    void expire(lane& in);
    template <class Change>
    void tell_groups(std::size_t step, std::uint32_t kind, Change&& change);
    void end_second();
    void end_last_second();
    nanoseconds wait_limit() const;
    bool finished() const;

    // loadgen_client.cpp: one connection
    bool open(std::uint32_t who);
    void on_event(std::uint32_t who, std::uint32_t events);
    void send_some(std::uint32_t who);
    void receive_some(std::uint32_t who);
    bool take(std::uint32_t who, std::string_view in);
    void on_end(std::uint32_t who);
    void complete(std::uint32_t who);
    void fail(std::uint32_t who, failure kind);
    void close_client(std::uint32_t who);
    void rest(std::uint32_t who);

    // loadgen_tls.cpp: the bytes of a connection
    void begin_tls(client& c);
    void greet(std::uint32_t who);
    static ssize_t receive_into(client& c, std::vector<char>& buffer);
    static ssize_t send_from(client& c, std::string_view bytes);
    void lost(std::uint32_t who);

    plan plan_;
    weir::testing::ssl_context tls_;
    tally tally_;
    int epoll_ = -1, stop_event_ = -1;
    bool stopping_ = false;
    std::vector<std::unique_ptr<client>> clients_;
    std::vector<lane> lanes_;
    std::vector<std::string> requests_;  ///< heads, with the body where it is small
    std::uint64_t body_apart_ = 0;       ///< body bytes sent from the known text
    std::uint64_t wanted_ = 0, busy_ = 0;
    steady::time_point start_, now_, second_end_;
    second_tally second_;
    histogram second_latency_, second_ok_latency_;
    std::vector<std::uint32_t> again_;  ///< stopped reading out of fairness, though there may be more
    steady::time_point not_before_{};   ///< closed loop: a pause after a refused connection, else we would spin
    std::vector<char> buffer_;
};

template <class Change>
void engine::tell_groups(std::size_t step, std::uint32_t kind, Change&& change) {
    if (step < tally_.steps.size()) change(tally_.steps[step]);
    if (kind < tally_.kinds.size()) change(tally_.kinds[kind]);
}

}  // namespace loadgen
