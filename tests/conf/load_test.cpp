#include "conf/load.hpp"

#include <algorithm>

#include "tests/support/property.hpp"

using namespace weir::conf;
using namespace std::chrono_literals;

namespace {

config loaded(std::string_view text, unsigned cores = 4) {
    auto result = load("proxy.conf", text, {.cores = cores});
    INFO(render(result.found, text));
    REQUIRE(result.found.empty());
    REQUIRE(result.value);
    return std::move(*result.value);
}

}  // namespace

TEST_CASE("load: two lines are a whole configuration, and everything has a finite default") {
    const auto made = loaded("listen 8080 { route / web; }\n"
                             "backend web { server 127.0.0.1:9001; server 127.0.0.1:9002; }\n");
    CHECK(made.file == "proxy.conf");
    CHECK(made.workers == 4);
    CHECK_FALSE(made.max_connections);
    CHECK(made.pid_file.empty());
    CHECK(made.user.empty());
    CHECK(made.access_log == "stdout");
    CHECK(made.access_format == log_format::text);
    CHECK(made.access_queue == 8192);
    CHECK(made.error_log == "stderr");
    CHECK(made.error_level == log_level::info);
    CHECK(made.drain.lame_duck == 5s);
    CHECK(made.drain.deadline == 25s);

    REQUIRE(made.listeners.size() == 1);
    const auto& listener = made.listeners[0];
    CHECK(listener.at.line == 1);
    CHECK(listener.address.port == 8080);
    CHECK(listener.protocol == http_protocol::http);
    CHECK_FALSE(listener.default_backend);
    CHECK(listener.max_connections == 20'000);
    CHECK(listener.backlog == 1024);
    CHECK(listener.defer_accept);
    CHECK_FALSE(listener.accept_proxy);
    CHECK(listener.trusted.empty());
    CHECK(listener.forwarded == forwarded_style::both);
    CHECK(listener.max_head_bytes == 16 * 1024);
    CHECK(listener.max_target_bytes == 8 * 1024);
    CHECK(listener.max_headers == 100);
    CHECK_FALSE(listener.max_body_bytes);
    CHECK(listener.timeout.client_header == 10s);
    CHECK(listener.timeout.client_body == 15s);
    CHECK(listener.timeout.keep_alive == 60s);
    CHECK(listener.min_body_rate == 1024);
    CHECK(listener.max_requests == 10'000);

    REQUIRE(listener.routes.size() == 1);
    CHECK(listener.routes[0].prefix == "/");
    CHECK(listener.routes[0].backend == 0u);
    CHECK(listener.routes[0].upgrades == std::vector<std::string>{"websocket"});
    CHECK(listener.routes[0].at.column == 15);

    REQUIRE(made.backends.size() == 1);
    const auto& backend = made.backends[0];
    CHECK(backend.name == "web");
    CHECK(backend.how == balance::least_latency);
    CHECK(backend.retry.times == 2);
    CHECK(backend.send_proxy == proxy_header::off);
    CHECK(backend.timeout.connect == 1s);
    CHECK(backend.timeout.first_byte == 15s);
    CHECK(backend.timeout.idle == 30s);
    CHECK(backend.timeout.tunnel_idle == 1h);
    CHECK(backend.timeout.total == 30s);
    CHECK(backend.keep_alive.idle == 4s);
    CHECK(backend.keep_alive.age == 10min);
    CHECK(backend.keep_alive.requests == 1000);
    CHECK(backend.keep_alive.connections == 128);
    CHECK(backend.max_head_bytes == 64 * 1024);
    CHECK(backend.resolve_every == 30s);
    REQUIRE(backend.servers.size() == 2);
    CHECK(backend.servers[1].weight == 1);
    CHECK(backend.servers[1].address.port == 9002);
    CHECK(backend.servers[1].at.line == 2);
    CHECK(backend.servers[1].at.column == 38);
}

TEST_CASE("load: what is written replaces the default") {
    const auto made = loaded(R"(
        workers 3; max_connections 500; pid_file /run/weir.pid; user www-data adm;
        access_log off format=json queue=7; error_log ./errors level=debug;
        drain lame_duck=0s; drain deadline=1m;
        listen [::1]:80 {
            default_backend b; max_connections 5; backlog 6; accept_proxy on; defer_accept off;
            trusted 10.0.0.0/8,unix; forwarded rfc7239; max_head 2KiB; max_target 100B; max_headers 7;
            max_body 1GiB; timeout client_header=1s keep_alive=2s; timeout client_body=3s;
            min_body_rate off; max_requests 1;
        }
        listen unix:/run/a { protocol tcp; default_backend b; connection_rate 5 per=1m; }
        backend a { server h:1; }
        backend b {
            server unix:/x weight=256; balance round_robin; retry 0; send_proxy v2;
            timeout connect=100ms; keep_alive connections=0; max_head 1KiB; resolve every=1h;
        }
        listen 90 { route / a; }
    )");
    CHECK(made.workers == 3);
    CHECK(made.max_connections == 500u);
    CHECK(made.pid_file == "/run/weir.pid");
    CHECK(made.user == "www-data");
    CHECK(made.group == "adm");
    CHECK(made.access_log.empty());
    CHECK(made.access_format == log_format::json);
    CHECK(made.access_queue == 7);
    CHECK(made.error_log == "./errors");
    CHECK(made.error_level == log_level::debug);
    CHECK(made.drain.lame_duck == 0s);
    CHECK(made.drain.deadline == 60s);
    REQUIRE(made.listeners.size() == 3);
    const auto& http = made.listeners[0];
    CHECK(http.default_backend == 1u);
    CHECK(http.accept_proxy);
    CHECK_FALSE(http.defer_accept);
    REQUIRE(http.trusted.size() == 2);
    CHECK(http.trusted[1].unix_socket);
    CHECK(http.forwarded == forwarded_style::rfc7239);
    CHECK(http.max_body_bytes == std::uint64_t{1} << 30);
    CHECK(http.timeout.keep_alive == 2s);
    CHECK(http.timeout.client_body == 3s);
    CHECK(http.min_body_rate == 0);
    CHECK(made.listeners[1].protocol == http_protocol::tcp);
    CHECK_FALSE(made.listeners[1].defer_accept);
    CHECK(made.listeners[1].connection_rate.requests == 5);
    CHECK(made.listeners[1].connection_rate.per == 60s);
    CHECK(made.listeners[1].connection_rate.burst == 5);
    CHECK(http.connection_rate.requests == 0);
    const auto& backend = made.backends[1];
    CHECK(backend.servers[0].weight == 256);
    CHECK(backend.how == balance::round_robin);
    CHECK(backend.retry.times == 0);
    CHECK(backend.send_proxy == proxy_header::v2);
    CHECK(backend.timeout.connect == 100ms);
    CHECK(backend.timeout.total == 30s);
    CHECK(backend.keep_alive.connections == 0);
    CHECK(backend.resolve_every == 1h);
}

TEST_CASE("load: the resilience of a backend and of a route, by default and as written") {
    const auto made = loaded(R"(
        admin 9900;
        listen 80 {
            route /a b {
                hedge after=20ms; retry 0; race 2; priority critical; limit 7; breaker route; long_poll on;
                rate_limit 5; rate_limit 100 per=1m burst=20 key=header:X-User; timeout total=2s;
            }
            route / a;
        }
        backend a { server h:1; }
        backend b {
            server h:1 limit=9; server h:2 backup=on; balance hash key=header:X-User bound=150%;
            limit 50; queue 20 patience=30ms; retry 3 on=reset,504 backoff=10ms..2s budget=2.5%;
            breaker on failures=3 slow=1s; hedge after=p99.9; health HEAD /well?full=1 status=204 host=h.test:80;
            fallback backend a; deadline_header off; panic off; timeout per_try=off;
        })");
    CHECK(made.admin->text == "127.0.0.1:9900");
    CHECK(made.shed.on);
    const auto& plain = made.backends[0];
    CHECK(plain.limit.how == in_flight_limit::kind::adaptive);
    CHECK(plain.retry.on == retry_causes{true, true, false, {503}});
    CHECK(plain.retry.budget_permille == 100);
    CHECK(plain.breaker.share_permille == 500);
    CHECK(plain.hedge.how == hedging::kind::off);
    CHECK(plain.hedge_budget_permille == 50);
    CHECK(plain.health.how == health_check::kind::off);
    CHECK(plain.fallback.how == fallback::kind::none);
    CHECK(plain.deadline_header == "X-Request-Timeout-Ms");
    CHECK_FALSE(plain.timeout.per_try);

    const auto& backend = made.backends[1];
    CHECK(backend.servers[0].limit == 9u);
    CHECK(backend.servers[1].backup);
    CHECK(backend.hash_key.header == "X-User");
    CHECK(backend.hash_bound_percent == 150);
    CHECK(backend.limit.places == 50);
    CHECK(backend.queue == 20u);
    CHECK(backend.patience == 30ms);
    CHECK(backend.retry.times == 3);
    CHECK(backend.retry.on == retry_causes{false, true, false, {504}});
    CHECK(backend.retry.backoff_most == 2s);
    CHECK(backend.retry.budget_permille == 25);
    CHECK(backend.breaker.slow == 1s);
    CHECK(backend.hedge.permille == 999);
    CHECK(backend.health.path == "/well?full=1");
    CHECK(backend.health.host == "h.test:80");
    CHECK(backend.health.highest_status == 204);
    CHECK(backend.fallback.backend == 0);
    CHECK(backend.deadline_header.empty());
    CHECK(backend.panic_permille == 0);
    CHECK(backend.timeout.per_try == no_time_limit);

    const auto& route = made.listeners[0].routes[0];
    CHECK(route.hedge->delay == 20ms);
    CHECK(route.retries == 0u);
    CHECK(route.race == 2);
    CHECK(route.cls == priority::critical);
    CHECK(route.own_breakers);
    CHECK(route.total == 2s);
    CHECK_FALSE(route.first_byte);
    REQUIRE(route.rates.size() == 2);
    CHECK(route.rates[0].burst == 5);
    CHECK(route.rates[1].burst == 20);
    CHECK(route.rates[1].per == 60s);
    CHECK_FALSE(made.listeners[0].routes[1].hedge);
}

TEST_CASE("load: routes match by host and method, and act") {
    const auto made = loaded(R"(
        listen 80 {
            route /a web host=A.b,*.C.d method=GET,HEAD {
                request_header set Host "$host"; request_header add X-A "a b"; request_header remove X-B;
                response_header set X-C "";
                upgrade off;
            }
            route /b { redirect 307 https://$host$target; }
            route /c { respond 404; }
            route / { respond 503 "closed\n" type=text/html; }
        }
        listen unix:/run/b { route / web; }
        backend web { server a:1; })");
    const auto& routes = made.listeners[0].routes;
    REQUIRE(routes.size() == 4);
    CHECK(routes[0].hosts == std::vector<std::string>{"a.b", "*.c.d"});
    CHECK(routes[0].methods == std::vector<std::string>{"GET", "HEAD"});
    REQUIRE(routes[0].request_headers.size() == 3);
    CHECK(routes[0].request_headers[0].value.pieces.front().var == text_template::variable::host);
    CHECK(routes[0].request_headers[1].what == header_action::kind::add);
    CHECK(routes[0].request_headers[2].what == header_action::kind::remove);
    REQUIRE(routes[0].response_headers.size() == 1);
    CHECK(routes[0].upgrades.empty());
    CHECK(routes[0].at.line == 3);
    CHECK(routes[1].redirects->status == 307);
    CHECK_FALSE(routes[1].backend);
    CHECK(routes[2].responds->status == 404);
    CHECK(routes[2].responds->type == "text/plain; charset=utf-8");
    CHECK(routes[3].responds->body == "closed\n");
    CHECK(routes[3].responds->type == "text/html");
    CHECK_FALSE(made.listeners[1].defer_accept);
}

TEST_CASE("load: every error of a file at once, in its order, and no configuration") {
    const std::string_view text = "workerz 2;\nlisten 80 { route / wbe; max_head 16k; }\nbackend web { retry 99; }\n";
    const auto result = load("f", text, {});
    CHECK_FALSE(result.value);
    REQUIRE(result.found.size() == 5);
    for (std::size_t i = 1; i < 5; ++i) CHECK(result.found[i - 1].where.at.line <= result.found[i].where.at.line);
    CHECK(render(result.found, text).ends_with("\n5 errors\n"));
}

TEST_CASE("load: warnings do not stand in the way") {
    const auto result =
        load("f", "listen 80 { route / web; }\nbackend web { server a:1; }\nbackend b { server a:1; }", {});
    CHECK(result.value);
    CHECK(result.found.size() == 1);
}

TEST_CASE("load: a file over the limit is refused, one at the limit is read") {
    const std::string text = "listen 80 { route / web; } backend web { server a:1; } #";
    CHECK(load("f", text + std::string(max_file_bytes - text.size(), 'x'), {}).value);
    const auto result = load("f", text + std::string(max_file_bytes - text.size() + 1, 'x'), {});
    REQUIRE(result.found.size() == 1);
    CHECK(result.found[0].message == "the file is larger than 1 MiB; that is no configuration");
}

namespace {

/// A configuration or at least one error, and every diagnostic stands where it can be shown.
void sound(const std::string& text) {
    const auto result = load("f", text, {.cores = 2});
    const auto is_error = [](const diagnostic& each) { return each.level == severity::error; };
    RC_ASSERT(result.value.has_value() != std::ranges::any_of(result.found, is_error));
    std::vector<std::size_t> widths;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find('\n', start), text.size());
        widths.push_back(end - start);
        start = end + 1;
    }
    for (const auto& each : result.found) {
        const auto [line, column] = each.where.at;
        RC_ASSERT(line >= 1 && column >= 1 && each.where.length >= 1);
        RC_ASSERT(static_cast<std::size_t>(line) <= std::max<std::size_t>(widths.size(), 1));
        RC_ASSERT(static_cast<std::size_t>(column) <= widths[static_cast<std::size_t>(line) - 1] + 1);
        RC_ASSERT(!render(each, text).empty());
        RC_ASSERT(!each.message.contains('\n'));
    }
}

constexpr std::string_view pieces[] = {
    "listen ",
    "backend ",
    "route ",
    "server ",
    "web ",
    "80 ",
    "/ ",
    "a:1 ",
    "{ ",
    "} ",
    "; ",
    "\n",
    "\"",
    "\\",
    "#",
    "=",
    "timeout ",
    "connect=",
    "1s ",
    "12 ",
    "protocol ",
    "tcp ",
    "default_backend ",
    "respond ",
    "redirect ",
    "200 ",
    "$host ",
    "request_header ",
    "set ",
    "remove ",
    "X-A ",
    "workers ",
    "auto ",
    "trusted ",
    "10.0.0.0/8,",
    "host=",
    "method=",
    "GET,",
    "access_log ",
    "format=json ",
    "upgrade ",
    "off ",
    "\x01",
    "\xff",
    "\xc3\xa4",
    "max_head ",
    "16KiB ",
    "weight=2 ",
    "health ",
    "tcp ",
    "fallback ",
    "none ",
    "key=",
    "balance ",
    "race ",
    "priority ",
    "header ",
    "breaker ",
};

}  // namespace

TEST_CASE("load: whatever the bytes, a configuration or an error that can be shown", "[property]") {
    rc::prop("any bytes", [](const std::string& text) { sound(text); });
    rc::prop("pieces of the language in any order", [](const std::vector<std::uint8_t>& order) {
        std::string text;
        for (auto each : order) text += pieces[each % std::size(pieces)];
        sound(text);
    });
    rc::prop("a good file with one byte changed", [](std::uint16_t where, char with) {
        std::string text = "workers 2;\nlisten 80 {\n  route /a web host=a.b { upgrade off; }\n  route / web;\n"
                           "  timeout client_header=1s;\n}\nbackend web {\n  server \"a:1\" weight=2;\n  retry 1;\n}\n";
        text[where % text.size()] = with;
        sound(text);
    });
}
