#include "conf/address.hpp"
#include "conf/http_words.hpp"
#include "conf/load.hpp"
#include "tests/support/property.hpp"

using namespace weir::conf;

namespace {

constexpr std::string_view smallest = "listen 80 { route / web; } backend web { server a:1; }";

std::string dumped(std::string_view text) { return dump(*load("f", text, {.cores = 3}).value); }

/// Draws a valid configuration. Sizes are small; what matters is that every field takes values other than its default.
class maker {
public:
    config make();

private:
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + *rc::gen::arbitrary<std::uint64_t>() % (high - low + 1);
    }
    bool coin() { return between(0, 1) == 1; }
    milliseconds time(std::uint64_t low, std::uint64_t high) { return milliseconds{between(low, high)}; }
    unsigned number(std::uint64_t low, std::uint64_t high) { return static_cast<unsigned>(between(low, high)); }
    template <class T> T one_of(std::vector<T> of) { return of[between(0, of.size() - 1)]; }

    listener make_listener(std::size_t which);
    route make_route();
    backend make_backend(std::size_t which);
    header_action make_action();
    text_template make_template();
    client_key make_key() { return {one_of<std::string>({"", "X-User", "x|y"})}; }
    hedging make_hedging();
    fallback make_fallback(std::size_t which);
    tls_algorithms make_algorithms();
    server_tls make_server_tls(bool tcp);
    client_tls make_client_tls();
    file_name make_file() { return {one_of<std::string>({"a.pem", "/a/b c", "key=x", "{;}", "off"}), {}}; }

    std::size_t backends_ = 1;
    bool has_tcp_ = false;  // then no backend answers by itself: that is for http
};

text_template maker::make_template() {
    return *read_template(one_of<std::string>(
        {"", "a", "a b", "$host", "x=$target$$", "\"q\"", "a;b{c}", "#", "\\", "a\tb", "$path/$scheme"}));
}

header_action maker::make_action() {
    header_action made{.what = one_of<header_action::kind>(
                           {header_action::kind::set, header_action::kind::add, header_action::kind::remove}),
                       .name = one_of<std::string>({"X-A", "Server", "#odd", "x|y"}),
                       .value = {}};
    if (made.what != header_action::kind::remove) made.value = make_template();
    return made;
}

hedging maker::make_hedging() {
    switch (between(0, 2)) {
    case 0: return {.how = hedging::kind::percentile, .permille = number(500, 999), .delay = {}};
    case 1: return {.how = hedging::kind::delay, .permille = 0, .delay = time(1, 3'600'000)};
    default: return {};
    }
}

/// Only of a later one, so they never lead back; and no file, which would have to be there.
fallback maker::make_fallback(std::size_t which) {
    fallback made;
    made.type = "text/plain; charset=utf-8";
    if (which + 1 < backends_ && coin()) {
        made.how = fallback::kind::backend;
        made.backend = between(which + 1, backends_ - 1);
    } else if (!has_tcp_ && coin()) {
        made.how = fallback::kind::respond;
        made.what = made.body = one_of<std::string>({"sorry", "a\n\"b\"", "a=b", "{;}"});
        made.status = static_cast<int>(between(200, 599));
        made.type = one_of<std::string>({"text/html", ""});
    }
    return made;
}

tls_algorithms maker::make_algorithms() {
    return {.min_version = one_of<tls_version>({tls_version::v1_2, tls_version::v1_3}),
            .ciphers = one_of<std::string>({"A", "ECDHE+AESGCM:!aNULL:@SECLEVEL=2"}),
            .ciphersuites = one_of<std::string>({"TLS_A", "TLS_A:TLS_B"}),
            .curves = one_of<std::string>({"X25519", "P-256:P-384"})};
}

server_tls maker::make_server_tls(bool tcp) {
    server_tls made;
    for (auto n = between(1, 3); n > 0; --n)
        made.certificates.push_back({make_file(), make_file(), coin() ? make_file() : file_name{}});
    made.refuse_unknown_names = coin();
    made.algorithms = make_algorithms();
    made.alpn = one_of<std::vector<std::string>>({{}, {"http/1.1"}, {"http/1.1", "http/1.0"}});
    if (tcp && coin()) made.alpn = {"h2", "acme-tls/1", "{;}\"#"};
    made.clients = one_of<client_auth>({client_auth::off, client_auth::optional, client_auth::required});
    if (made.clients != client_auth::off) made.client_ca = make_file();
    made.tickets = coin();
    made.ticket_lifetime = made.tickets ? time(60'000, 86'400'000) : milliseconds{43'200'000};
    made.handshakes = number(1, 1'000'000);
    made.handshake_rate = number(0, 1'000'000);
    return made;
}

client_tls maker::make_client_tls() {
    client_tls made;
    made.verify = coin();
    if (coin()) made.ca = make_file();
    made.name = one_of<std::string>({"a.b", "10.0.0.1", "fd00::1"});
    if (coin()) made.certificate = made.key = make_file();
    made.algorithms = make_algorithms();
    made.alpn = one_of<std::vector<std::string>>({{}, {"http/1.1"}});
    return made;
}

route maker::make_route() {
    route made;
    made.prefix = one_of<std::string>({"/", "/a/", "/a=b", "/{x};", "/\"q\"", "/\\n"});
    if (coin()) made.hosts = {"a.b", "*.c.d"};
    if (coin()) made.methods = {"GET", "PURGE"};
    switch (between(0, 2)) {
    case 0: made.backend = between(0, backends_ - 1); break;
    case 1:
        made.redirects = redirect{one_of<int>({301, 302, 303, 307, 308}),
                                  *read_template(one_of<std::string>({"/x", "https://$host$target", "/a;b#c=d"}))};
        break;
    case 2:
        made.responds = fixed_response{static_cast<int>(between(200, 203)),
                                       one_of<std::string>({"", "ok", "a\n\"b\"\\", "a=b", "type=x"}),
                                       one_of<std::string>({"text/plain; charset=utf-8", "text/html", ""})};
    }
    for (auto n = between(0, 2); n > 0; --n) made.request_headers.push_back(make_action());
    for (auto n = between(0, 2); n > 0; --n) made.response_headers.push_back(make_action());
    made.upgrades = one_of<std::vector<std::string>>({{}, {"websocket"}, {"websocket", "mqtt"}});
    if (coin()) made.limit = number(1, 1'000'000);
    if (coin()) made.retries = number(0, 10);
    if (coin()) made.hedge = make_hedging();
    made.race = number(1, 8);
    made.cls = one_of<priority>({priority::critical, priority::normal, priority::sheddable, priority::header});
    for (auto n = between(0, 2); n > 0; --n)
        made.rates.push_back({{}, number(1, 1'000'000), time(1, 86'400'000), number(1, 1'000'000), make_key()});
    made.idempotency_key = one_of<std::string>({"", "Idempotency-Key"});
    made.own_breakers = coin();
    made.long_poll = coin();
    if (coin()) made.first_byte = time(1, 86'400'000);
    if (coin()) made.total = time(1, 86'400'000);
    return made;
}

listener maker::make_listener(std::size_t which) {
    auto made =
        load("f", smallest, {}).value->listeners.front();  // what a tcp listener cannot write stays at its default
    const auto port = std::to_string(8000 + which);
    made.address = *read_listen_address(
        one_of<std::string>({port, "127.0.0.1:" + port, "[::1]:" + port, "unix:/a b" + port, "127.0.0.1:0"}));
    made.protocol = has_tcp_ ? one_of<http_protocol>({http_protocol::http, http_protocol::tcp}) : http_protocol::http;
    made.routes.clear();
    made.max_connections = static_cast<unsigned>(between(1, 10'000'000));
    made.backlog = static_cast<int>(between(1, 65'535));
    made.accept_proxy = coin();
    made.timeout.client_header = time(1, 3'600'000);
    made.max_connections_per_client = coin() ? 0 : number(1, 1'000'000);
    made.connection_rate.per = milliseconds{1000};
    if (coin()) made.connection_rate = {{}, number(1, 1'000'000), time(1, 86'400'000), number(1, 1'000'000), {}};
    made.default_backend = between(0, backends_ - 1);
    made.defer_accept = false;
    made.timeout.tls = time(1, 3'600'000);
    const bool tcp = made.protocol == http_protocol::tcp;
    if (coin()) made.tls = make_server_tls(tcp);
    if (tcp) {
        for (auto n = made.tls ? 0 : between(0, 3); n > 0; --n)
            made.sni.push_back({{},
                                one_of<std::vector<std::string>>({{}, {"a.b"}, {"a.b", "*.c.d"}}),
                                between(0, backends_ - 1),
                                one_of<std::vector<std::string>>({{}, {"h2", "x"}})});
        if (!made.sni.empty() && coin()) made.default_backend.reset();
        return made;
    }

    for (auto n = between(0, 3); n > 0; --n) made.routes.push_back(make_route());
    if (!made.routes.empty() && coin()) made.default_backend.reset();
    made.defer_accept = made.address.unix_path.empty() && coin();
    for (auto text : {"unix", "10.0.0.0/8", "fd00::/8"})
        if (coin()) made.trusted.push_back(*read_network(text));
    made.forwarded = one_of<forwarded_style>(
        {forwarded_style::off, forwarded_style::x_forwarded, forwarded_style::rfc7239, forwarded_style::both});
    made.max_head_bytes = between(1024, 1 << 20);
    made.max_target_bytes = between(64, 1 << 20);
    made.max_headers = static_cast<unsigned>(between(1, 10'000));
    if (coin()) made.max_body_bytes = between(0, std::uint64_t{1} << 50);
    made.timeout.client_body = time(1, 3'600'000);
    made.timeout.keep_alive = time(1, 86'400'000);
    made.min_body_rate = coin() ? 0 : between(1, 1 << 30);
    made.max_requests = static_cast<unsigned>(between(1, 1'000'000'000));
    made.deadline_header = one_of<std::string>({"", "X-Left", "x|y"});
    return made;
}

backend maker::make_backend(std::size_t which) {
    backend made;
    made.name = one_of<std::string>({"b", "server", "off", "A.b_c-"}) + std::to_string(which);
    for (auto n = between(1, 3); n > 0; --n)
        made.servers.push_back({{},
                                *read_server_address(one_of<std::string>(
                                    {"10.0.0.1:80", "[::1]:1", "name:65535", "unix:/a;b", "unix:/x=y"})),
                                number(1, 256),
                                coin() ? std::optional{number(1, 1'000'000)} : std::nullopt,
                                coin()});
    made.how = one_of<balance>(
        {balance::least_latency, balance::p2c, balance::least_requests, balance::round_robin, balance::hash});
    made.hash_bound_percent = made.how == balance::hash ? number(100, 1000) : 125;
    if (made.how == balance::hash) made.hash_key = make_key();
    made.sticky_cookie = one_of<std::string>({"", "route", "SERVERID"});
    made.limit = one_of<in_flight_limit>(
        {{}, {in_flight_limit::kind::fixed, number(1, 1'000'000)}, {in_flight_limit::kind::off, 0}});
    if (coin()) made.queue = number(0, 1'000'000);
    if (coin()) made.patience = time(1, 3'600'000);
    made.fair_key = make_key();
    made.retry = {.times = number(0, 10),
                  .on = {coin(), coin(), coin(), one_of<std::vector<unsigned>>({{}, {503}, {429, 500, 599}})},
                  .backoff_first = time(1, 1000),
                  .backoff_most = time(1000, 60'000),
                  .budget_permille = number(0, 1000),
                  .reserve = number(0, 1000),
                  .replay_bytes = between(0, 1 << 20),
                  .trust_marker = coin()};
    made.breaker = {.on = true,
                    .failures = number(1, 10'000),
                    .share_permille = number(10, 1000),
                    .slow = coin() ? std::optional{time(1, 3'600'000)} : std::nullopt,
                    .slow_permille = number(10, 1000),
                    .open_first = time(100, 1000),
                    .open_most = time(1000, 3'600'000)};
    made.outliers = {.on = true,
                     .every = time(1000, 3'600'000),
                     .eject_first = time(1000, 30'000),
                     .eject_most = time(30'000, 3'600'000)};
    const auto plain = load("f", smallest, {}).value->backends.front();  // what is off has its defaults
    if (coin()) {
        made.breaker = plain.breaker;
        made.breaker.on = false;
    }
    if (coin()) {
        made.outliers = plain.outliers;
        made.outliers.on = false;
    }
    made.panic_permille = number(0, 1000);
    made.slow_start = time(0, 3'600'000);
    made.hedge = make_hedging();
    made.hedge_budget_permille = number(0, 1000);
    auto& health = made.health;  // what a check does not use cannot be written and has its default
    health.how =
        one_of<health_check::kind>({health_check::kind::off, health_check::kind::tcp, health_check::kind::http});
    health.every = milliseconds{2000};
    health.timeout = milliseconds{1000};
    health.rise = 2;
    health.fall = 3;
    health.lowest_status = 200;
    health.highest_status = 399;
    if (health.how != health_check::kind::off) {
        health.every = time(100, 3'600'000);
        health.timeout = time(1, 3'600'000);
        health.rise = number(1, 1000);
        health.fall = number(1, 1000);
    }
    if (health.how == health_check::kind::http) {
        health.method = one_of<std::string>({"GET", "HEAD"});
        health.path = one_of<std::string>({"/", "/healthz?full=1", "/a;b{c}"});
        health.host = one_of<std::string>({"", "a.b", "a.b:80"});
        health.lowest_status = number(100, 399);
        health.highest_status = number(health.lowest_status, 599);
    }
    made.fallback = make_fallback(which);
    made.deadline_header = one_of<std::string>({"", "X-Left"});
    made.send_proxy = one_of<proxy_header>({proxy_header::off, proxy_header::v1, proxy_header::v2});
    made.timeout = {time(1, 3'600'000),  time(1, 3'600'000),  time(1, 86'400'000), time(1, 86'400'000),
                    time(1, 86'400'000), time(1, 86'400'000), std::nullopt};
    if (coin()) made.tls = make_client_tls();
    if (coin()) made.timeout.per_try = coin() ? no_time_limit : time(1, 86'400'000);
    made.keep_alive = {time(1, 3'600'000), time(1000, 86'400'000), static_cast<unsigned>(between(1, 1000)),
                       static_cast<unsigned>(between(0, 65'536))};
    made.max_head_bytes = between(1024, 1 << 20);
    made.resolve_every = time(1000, 86'400'000);
    return made;
}

config maker::make() {
    config made;
    made.file = "f";
    made.workers = static_cast<unsigned>(between(1, 1024));
    if (coin()) made.max_connections = static_cast<unsigned>(between(1, 10'000'000));
    made.pid_file = one_of<std::string>({"", "/run/weir.pid", "./a b"});
    made.user = one_of<std::string>({"", "nobody"});
    if (!made.user.empty()) made.group = one_of<std::string>({"", "nogroup"});
    made.access_log = one_of<std::string>({"", "stdout", "stderr", "/var/log/a=b", "/var/log/\xc3\xa4"});
    made.access_format = one_of<log_format>({log_format::text, log_format::json});
    made.access_queue = static_cast<unsigned>(between(1, 1'048'576));
    made.error_log = one_of<std::string>({"stderr", "level=/x"});
    made.error_level = one_of<log_level>({log_level::debug, log_level::info, log_level::warn, log_level::error});
    made.drain.lame_duck = time(0, 3'600'000);
    made.drain.deadline = made.drain.lame_duck + time(0, 3'600'000);
    made.handshakes = {.threads = number(1, 64), .patience = time(1, 10'000)};
    if (coin()) made.admin = *read_listen_address(one_of<std::string>({"127.0.0.1:9900", "[::1]:0", "unix:/a b"}));
    made.shed = load("f", smallest, {}).value->shed;
    made.shed.on = coin();
    if (made.shed.on) {
        made.shed.delay_low = time(1, 10);
        made.shed.delay_high = time(11, 1000);
        if (coin()) made.shed.memory_bytes = between(16 << 20, std::uint64_t{1} << 40);
    }
    backends_ = between(1, 3);
    has_tcp_ = coin();
    for (std::size_t i = 0; i < backends_; ++i) made.backends.push_back(make_backend(i));
    for (auto& each : made.backends)  // its name is what stands in the file
        if (each.fallback.how == fallback::kind::backend)
            each.fallback.what = made.backends[each.fallback.backend].name;
    for (std::size_t i = between(1, 3); i > 0; --i) made.listeners.push_back(make_listener(i));
    return made;
}

}  // namespace

TEST_CASE("dump: every default is filled in") {
    CHECK(dumped(smallest) == R"(workers 3;
max_connections auto;
pid_file off;
access_log stdout format=text queue=8192;
error_log stderr level=info;
drain lame_duck=5s deadline=25s;
admin off;
shed on loop_delay=5ms..50ms memory=auto;
handshakes threads=3 patience=2s;

listen 80 {
    protocol http;
    route / web {
        upgrade websocket;
        limit off;
        race 1;
        priority normal;
        idempotency_key off;
        breaker server;
        long_poll off;
    }
    max_connections 20000;
    backlog 1024;
    defer_accept on;
    accept_proxy off;
    trusted none;
    forwarded both;
    max_head 16KiB;
    max_target 8KiB;
    max_headers 100;
    max_body unlimited;
    timeout tls=10s client_header=10s client_body=15s keep_alive=1m;
    min_body_rate 1KiB;
    max_requests 10000;
    max_connections_per_client off;
    connection_rate off;
    deadline_header X-Request-Timeout-Ms;
}

backend web {
    server a:1 weight=1 limit=off backup=off;
    balance least_latency;
    sticky off;
    limit adaptive;
    queue auto patience=auto key=client_address;
    retry 2 on=connect_failure,reset,503 backoff=25ms..1s budget=10% reserve=1 replay=64KiB trust_marker=off;
    breaker on failures=5 share=50% slow=off slow_share=80% open=1s..1m;
    outliers on every=10s eject=30s..5m;
    panic 50%;
    slow_start 10s;
    hedge after=off budget=5%;
    health off;
    fallback none;
    deadline_header X-Request-Timeout-Ms;
    send_proxy off;
    timeout connect=1s tls=3s first_byte=15s idle=30s tunnel_idle=1h total=30s per_try=auto;
    keep_alive idle=4s age=10m requests=1000 connections=128;
    max_head 64KiB;
    resolve every=30s;
}
)");
}

TEST_CASE("dump: of a tcp listener only what it may hold") {
    const auto text = dumped("listen 80 { protocol tcp; default_backend web; } backend web { server a:1; }");
    CHECK(
        text.find(
            "listen 80 {\n    protocol tcp;\n    default_backend web;\n    max_connections 20000;\n    backlog 1024;\n"
            "    defer_accept off;\n    accept_proxy off;\n    timeout tls=10s client_header=10s;\n    max_connections_per_client off;\n"
            "    connection_rate off;\n}\n") != std::string::npos);
}

TEST_CASE("dump: what it prints loads to an equal configuration", "[property]") {
    rc::prop("load(dump(c)) == c", [] {
        const auto made = maker{}.make();
        const auto text = dump(made);
        const auto again = load("f", text, {.cores = 1});
        if (!again.value) RC_FAIL(render(again.found, text));
        RC_ASSERT(*again.value == made);
        RC_ASSERT(dump(*again.value) == text);
    });
}
