#pragma once
/// The checked, typed configuration: what a proxy.conf means once every default is filled in.
///
/// Made by conf::load (conf/load.hpp) and never changed afterwards; safe to share between threads. A value that is in
/// here is in range and consistent: the program need not check it again. Every field corresponds to one directive or
/// argument in conf/schema.cpp, which holds its unit, range, default and reason.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tls/settings.hpp"

namespace weir::conf {

using std::chrono::milliseconds;

/// For a wait that never ends; the longest that nanoseconds can hold too.
inline constexpr milliseconds no_time_limit = std::chrono::floor<milliseconds>(std::chrono::nanoseconds::max());

/// Where something stands in the file; both count from 1, columns in bytes.
struct location {
    int line = 0;
    int column = 0;
    /// Any two are equal: where a thing stands is no part of what it means, and so two configurations are equal when
    /// they mean the same.
    bool operator==(const location&) const noexcept { return true; }
};

/// A piece of one line: where it starts and how many bytes it has.
struct span {
    location at;
    int length = 1;
    bool operator==(const span&) const noexcept { return true; }  // as for its start
};

/// A file that the program reads, not the language: nothing here says that it is there or what it holds. Relative to the
/// working directory. What is wrong with it is shown where the configuration names it:
///
///     problems.error(file.where, "cannot read " + conf::quoted(file.path));      // conf/diagnostic.hpp
struct file_name {
    std::string path;  // empty: none
    span where;        // the word that names it
    bool operator==(const file_name&) const = default;
};

/// `127.0.0.1:80`, `[::1]:80`, `name:80`, `8080` (every address), `unix:/run/app.sock`.
struct endpoint {
    std::string text;        // as written
    std::string host;        // without brackets; empty: every address (listeners only), or a Unix socket
    std::uint16_t port = 0;  // listeners may have 0: the kernel chooses
    std::string unix_path;   // not empty: a Unix socket
    bool operator==(const endpoint&) const = default;
};

/// 10.0.0.0/8, ::1, unix
struct network {
    std::string text;
    bool unix_socket = false;     // the word `unix`: whoever connects by a Unix socket
    std::uint8_t bytes[16] = {};  // IPv4 as ::ffff:a.b.c.d
    int prefix = 128;             // in bits of the 16 bytes
    bool operator==(const network&) const = default;
};

/// A value of a header or a redirect: literal pieces and variables in turn.
struct text_template {
    enum class variable : std::uint8_t {
        none,
        host,
        target,
        path,
        client_address,
        request_id,
        scheme,
        // Of the client's TLS connection; empty on a plain one, but for the verdict.
        sni,
        tls_version,
        tls_cipher,
        client_certificate_verdict,  // none, ok, or failed: and why
        client_certificate_subject,  // the others tell of a certificate whose verdict is ok
        client_certificate_fingerprint,
        client_certificate_serial,
    };
    struct piece {
        std::string literal;
        variable var = variable::none;  // what follows the literal
        bool operator==(const piece&) const = default;
    };
    std::string text;  // as written
    std::vector<piece> pieces;
    bool operator==(const text_template&) const = default;
};

struct header_action {
    enum class kind : std::uint8_t { set, add, remove };
    kind what = kind::set;
    std::string name;
    text_template value;
    bool operator==(const header_action&) const = default;
};

enum class http_protocol : std::uint8_t { http, tcp };
enum class proxy_header : std::uint8_t { off, v1, v2 };

struct redirect {
    int status = 308;
    text_template to;
    bool operator==(const redirect&) const = default;
};
struct fixed_response {
    int status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
    bool operator==(const fixed_response&) const = default;
};

/// What tells clients apart: their address, or a header of their requests.
struct client_key {
    std::string header;  // empty: the address
    bool operator==(const client_key&) const = default;
};

/// How many may be in flight at once.
struct in_flight_limit {
    enum class kind : std::uint8_t { adaptive, fixed, off };
    kind how = kind::adaptive;
    unsigned places = 0;  // fixed: how many
    bool operator==(const in_flight_limit&) const = default;
};

/// A second try while the first is still out.
struct hedging {
    enum class kind : std::uint8_t { off, percentile, delay };
    kind how = kind::off;
    unsigned permille = 0;  // percentile: 950 is p95
    milliseconds delay{};   // delay: after this time
    bool operator==(const hedging&) const = default;
};

enum class priority : std::uint8_t { critical, normal, sheddable, header };

/// So many for each key in each period; more come as a burst when none came before.
struct rate_limit {
    location at;
    unsigned requests = 0;
    milliseconds per{};
    unsigned burst = 0;
    client_key key;
    bool operator==(const rate_limit&) const = default;
};

struct route {
    location at;
    std::string prefix;                  // of the path, compared by whole segments: /a matches /a and /a/b, not /ab
    std::vector<std::string> hosts;      // lower case; exact or `*.example.com`; empty: any
    std::vector<std::string> methods;    // empty: any
    std::optional<std::size_t> backend;  // index into config::backends; none when it redirects or responds
    std::optional<redirect> redirects;
    std::optional<fixed_response> responds;
    std::vector<header_action> request_headers;
    std::vector<header_action> response_headers;
    std::vector<std::string> upgrades;  // protocols that may be switched to, lower case; default: websocket
    std::optional<unsigned> limit;      // requests in flight on this route; none: no limit of its own
    std::optional<unsigned> retries;    // in place of the backend's
    std::optional<hedging> hedge;       // in place of the backend's
    unsigned race = 1;                  // servers asked at once; the first good answer wins
    priority cls = priority::normal;
    std::vector<rate_limit> rates;
    std::string idempotency_key;             // a request with this header may be repeated; empty: none
    bool own_breakers = false;               // one more breaker for each server, fed by this route alone
    bool long_poll = false;                  // its times say nothing about the servers' health
    std::optional<milliseconds> first_byte;  // in place of the backend's
    std::optional<milliseconds> total;       // in place of the backend's
    bool operator==(const route&) const = default;
};

enum class forwarded_style : std::uint8_t { off, x_forwarded, rfc7239, both };

enum class tls_version : std::uint8_t { v1_2, v1_3 };

/// What both ends of a TLS connection may agree on. The lists have OpenSSL's names, the preferred first, with `:` between;
/// they are well-formed, but whether OpenSSL knows each name is for it to say.
struct tls_algorithms {
    tls_version min_version = tls_version::v1_2;
    std::string ciphers{tls::default_ciphers};            // TLS 1.2
    std::string ciphersuites{tls::default_ciphersuites};  // TLS 1.3
    std::string curves;                                   // groups of the key exchange
    bool operator==(const tls_algorithms&) const = default;
};

struct server_certificate {
    file_name certificate;  // PEM: ours, then those up to a root
    file_name key;          // PEM; may be the same file
    file_name ocsp;         // DER, stapled; no path: none
    bool operator==(const server_certificate&) const = default;
};

enum class client_auth : std::uint8_t { off, optional, required };

/// How a listener speaks TLS with its clients.
struct server_tls {
    location at;
    std::vector<server_certificate> certificates;  // at least one; the first is for unknown names
    bool refuse_unknown_names = false;             // instead of the first certificate
    tls_algorithms algorithms;
    std::vector<std::string> alpn;  // protocols, the preferred first; empty: off
    client_auth clients = client_auth::off;
    file_name client_ca;             // whose certificates clients may have; there unless `clients` is off
    bool tickets = true;             // of sessions
    milliseconds ticket_lifetime{};  // after it a new key seals them; the one before still opens
    bool kernel_tls = true;          // where the kernel has it; of http listeners
    unsigned handshakes = 0;         // in progress at most, over all workers
    unsigned handshake_rate = 0;     // new ones per second at most; 0: no limit
    bool operator==(const server_tls&) const = default;
};

/// Where a tcp listener sends a client whose TLS it does not open, by what its ClientHello says.
struct sni_route {
    location at;
    std::vector<std::string> names;  // lower case; exact or `*.example.com`; empty: any, and ClientHellos without one
    std::size_t backend = 0;         // index into config::backends
    std::vector<std::string> alpn;   // the client must offer one of them; empty: whatever it offers
    bool operator==(const sni_route&) const = default;
};

struct listener {
    location at;
    endpoint address;
    http_protocol protocol = http_protocol::http;
    std::optional<std::size_t> default_backend;  // where no route matches; tcp without `sni` routes: always there
    std::vector<route> routes;                   // http: in the order of the file
    std::vector<sni_route> sni;                  // tcp: in the order of the file; the first that matches
    std::optional<server_tls> tls;               // none: plain
    unsigned max_connections = 0;                // over all workers
    int backlog = 0;
    bool defer_accept = false;     // TCP_DEFER_ACCEPT
    bool accept_proxy = false;     // every connection must start with a PROXY protocol header
    std::vector<network> trusted;  // peers whose forwarding headers are kept
    forwarded_style forwarded = forwarded_style::both;
    std::size_t max_head_bytes = 0;
    std::size_t max_target_bytes = 0;
    unsigned max_headers = 0;
    std::optional<std::uint64_t> max_body_bytes;  // none: unlimited
    struct timeouts {
        milliseconds tls{};  // a whole handshake; with `sni`: until the ClientHello is there
        milliseconds client_header{};
        milliseconds client_body{};
        milliseconds keep_alive{};
        bool operator==(const timeouts&) const = default;
    } timeout;
    std::uint64_t min_body_rate = 0;          // bytes per second, measured after the first 10 s; 0: none
    unsigned max_requests = 0;                // on one client connection, then it is closed
    unsigned max_connections_per_client = 0;  // 0: no limit
    rate_limit connection_rate;               // by address; 0 requests: no limit
    std::string deadline_header;              // trusted peers may shorten the deadline by it; empty: nobody may
    bool operator==(const listener&) const = default;
};

struct server {
    location at;
    endpoint address;
    unsigned weight = 1;
    std::optional<unsigned> limit;  // in flight on this server, fixed; none: as the backend says
    bool backup = false;            // used only when no other server can be
    bool operator==(const server&) const = default;
};

/// How a backend speaks TLS with its servers.
struct client_tls {
    location at;
    bool verify = true;  // the server's certificate: trusted, in date, of the right name
    file_name ca;        // whose certificates are trusted; no path: the system's
    std::string name;    // lower case or an IP address: asked for and checked; empty: the host of each server's address
    file_name certificate;  // ours, PEM; no path: none
    file_name key;          // PEM; may be the same file
    tls_algorithms algorithms;
    std::vector<std::string> alpn;  // what we offer; empty: off
    bool operator==(const client_tls&) const = default;
};

enum class balance : std::uint8_t { least_latency, p2c, least_requests, round_robin, hash };

/// When another try may follow, besides the cases in which nothing can have been processed.
struct retry_causes {
    bool connect_failure = false;
    bool reset = false;    // after bytes of the request were sent
    bool timeout = false;  // of one try
    std::vector<unsigned> statuses;
    bool operator==(const retry_causes&) const = default;
};

struct health_check {
    enum class kind : std::uint8_t { off, tcp, http };
    kind how = kind::off;
    std::string method;  // http
    std::string path;
    std::string host;  // of the Host header; empty: the server's address
    milliseconds every{};
    milliseconds timeout{};
    unsigned rise = 0, fall = 0;
    unsigned lowest_status = 0, highest_status = 0;
    bool operator==(const health_check&) const = default;
};

/// What a client gets when no server can be used.
struct fallback {
    enum class kind : std::uint8_t { none, backend, respond, file };
    kind how = kind::none;
    std::size_t backend = 0;  // index into config::backends
    std::string what;         // as written: a backend's name, a text, a path
    std::string body;         // respond, file: what the client gets
    int status = 503;
    std::string type;
    bool operator==(const fallback&) const = default;
};

struct backend {
    location at;
    std::string name;
    std::vector<server> servers;
    std::optional<client_tls> tls;  // none: plain
    balance how = balance::least_latency;
    client_key hash_key;                   // balance hash: what is hashed
    unsigned hash_bound_percent = 0;       // of the mean load that one server may get; balance hash
    std::string sticky_cookie;             // empty: none
    in_flight_limit limit;                 // fixed: of the whole backend; adaptive: of each server
    std::optional<unsigned> queue;         // places; none: ten times the limit, within 64..8192
    std::optional<milliseconds> patience;  // in the queue; none: eight times the usual response time, within 20..500 ms
    client_key fair_key;                   // whose requests take turns in the queue
    struct retrying {
        unsigned times = 0;  // further tries, where it is safe
        retry_causes on;
        milliseconds backoff_first{}, backoff_most{};
        unsigned budget_permille = 0;  // of the requests
        unsigned reserve = 0;          // per second, beside the share
        std::size_t replay_bytes = 0;  // of a request body, kept for a second try
        bool trust_marker = false;     // believe `X-Not-Processed: 1` on a 503
        bool operator==(const retrying&) const = default;
    } retry;
    struct breaking {
        bool on = true;
        unsigned failures = 0;             // in a row
        unsigned share_permille = 0;       // of the requests of the last 10 s
        std::optional<milliseconds> slow;  // a response that takes longer is slow; none: no such rule
        unsigned slow_permille = 0;
        milliseconds open_first{}, open_most{};
        bool operator==(const breaking&) const = default;
    } breaker;
    struct outlier_detection {
        bool on = true;
        milliseconds every{};
        milliseconds eject_first{}, eject_most{};
        bool operator==(const outlier_detection&) const = default;
    } outliers;
    unsigned panic_permille = 0;  // fewer usable servers than this: use all that are not known to be dead; 0: never
    milliseconds slow_start{};    // 0: none
    hedging hedge;
    unsigned hedge_budget_permille = 0;
    health_check health;
    conf::fallback fallback;
    std::string deadline_header;  // tells the server how long we will wait, in milliseconds; empty: not told
    proxy_header send_proxy = proxy_header::off;
    struct timeouts {
        milliseconds connect{};
        milliseconds tls{};  // a whole handshake
        milliseconds first_byte{};
        milliseconds idle{};
        milliseconds tunnel_idle{};
        milliseconds total{};
        std::optional<milliseconds> per_try;  // none: half of `total` if retries follow timeouts
        bool operator==(const timeouts&) const = default;
    } timeout;
    struct keeping {
        milliseconds idle{};
        milliseconds age{};
        unsigned requests = 0;
        unsigned connections = 0;  // idle ones, per server and worker; 0: no pool
        bool operator==(const keeping&) const = default;
    } keep_alive;
    std::size_t max_head_bytes = 0;  // of a response
    milliseconds resolve_every{};    // how often names are looked up again
    bool operator==(const backend&) const = default;
};

enum class log_format : std::uint8_t { text, json };
enum class log_level : std::uint8_t { debug, info, warn, error };

struct config {
    std::string file;                         // as given
    unsigned cores = 1;                       // that there are for us, as the environment told
    unsigned workers = 1;                     // `auto` already resolved
    std::optional<unsigned> max_connections;  // over all listeners; none: what the descriptor limit allows
    std::string pid_file;                     // empty: none
    std::string user, group;                  // empty: stay who we are
    std::string access_log;                   // stdout, stderr, a path; empty: off
    log_format access_format = log_format::text;
    unsigned access_queue = 0;  // lines that may wait, per worker
    std::string error_log;      // stderr or a path
    log_level error_level = log_level::info;
    struct draining {
        milliseconds lame_duck{};  // after TERM, still accepting
        milliseconds deadline{};   // from TERM to the end at the latest
        bool operator==(const draining&) const = default;
    } drain;
    std::optional<endpoint> admin;  // none: no admin listener
    struct shedding {
        bool on = true;
        milliseconds delay_low{}, delay_high{};  // of the loop: no pressure, full pressure
        std::optional<std::uint64_t>
            memory_bytes;  // what the process may use; none: what the machine or its cgroup allows
        bool operator==(const shedding&) const = default;
    } shed;
    struct handshaking {
        unsigned threads = 1;     // that do the costly steps of TLS handshakes; `auto` already resolved
        milliseconds patience{};  // the longest wait for one of them
        bool operator==(const handshaking&) const = default;
    } handshakes;
    std::vector<listener> listeners;
    std::vector<backend> backends;
    bool operator==(const config&) const = default;
};

}  // namespace weir::conf
