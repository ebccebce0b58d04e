#include "proxy/admin.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "lib/async/race.hpp"
#include "lib/async/stream.hpp"
#include "lib/http/answer.hpp"
#include "lib/http/parser.hpp"
#include "lib/telemetry/json.hpp"
#include "lib/telemetry/prometheus.hpp"
#include "proxy/dashboard_page.hpp"
#include "proxy/events_page.hpp"
#include "proxy/metrics_page.hpp"
#include "proxy/status_page.hpp"

namespace weir {
namespace {

constexpr std::size_t connections_at_once = 64;
constexpr auto head_limit = 5s;
constexpr auto keep_alive = 30s;
constexpr auto answer_limit = 10s;  // for a client to take its answer
constexpr auto linger_for = 1s;     // for one that has more to say than we read

constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view json_type = "application/json";
constexpr std::string_view html_type = "text/html; charset=utf-8";
constexpr std::string_view lines_type = "application/x-ndjson";  // JSON, one object a line
constexpr std::string_view list_of_paths =
    "weir: administration\n\n"
    "GET  /          the dashboard, for a browser\n"
    "GET  /metrics   for Prometheus\n"
    "GET  /status    all there is to know, as JSON\n"
    "GET  /events    what breakers, health checks and the like decided of late,\n"
    "                a line of JSON each; ?after=N: those behind number N\n"
    "GET  /live      200 while weir runs\n"
    "GET  /ready     200 while it serves, 503 while it starts or drains\n"
    "POST /backends/NAME/servers/ADDRESS/breaker?order=open|close|reset\n";

/// The clients, as a stream.
class callers {
public:
    using value_type = stream_ptr;
    explicit callers(listener& door) : door_{door} {}
    task<std::optional<stream_ptr>> next() {
        while (true) {
            const bool somebody = co_await door_.pending();
            if (!somebody) co_return std::nullopt;
            if (auto client = door_.accept_now()) co_return std::move(client);
        }
    }

private:
    listener& door_;
};

/// Without percent signs; a false one stays as it is.
std::string decoded(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto two = text.substr(i + 1, 2);
        const bool coded =
            text[i] == '%' && two.size() == 2 && two.find_first_not_of("0123456789abcdefABCDEF") == two.npos;
        plain.push_back(coded ? static_cast<char>(digit(two[0]) << 4 | digit(two[1])) : text[i]);
        if (coded) i += 2;
    }
    return plain;
}

struct breaker_path {
    std::string backend, server;
};

/// A server's address may hold slashes (unix:/run/app.sock), a backend's name does not.
std::optional<breaker_path> read_breaker_path(std::string_view path) {
    constexpr std::string_view front = "/backends/", middle = "/servers/", back = "/breaker";
    if (!path.starts_with(front) || !path.ends_with(back)) return std::nullopt;
    path.remove_prefix(front.size());
    const auto at = path.find(middle);
    if (at == path.npos || path.size() < at + middle.size() + back.size()) return std::nullopt;
    const auto server = path.substr(at + middle.size(), path.size() - back.size() - at - middle.size());
    return breaker_path{decoded(path.substr(0, at)), decoded(server)};
}

std::optional<breaker_order> order_in(std::string_view query) {
    if (query == "?order=open") return breaker_order::open;
    if (query == "?order=close") return breaker_order::close;
    if (query == "?order=reset") return breaker_order::reset;
    return std::nullopt;
}

/// A page of another site can make a browser send a POST here; the browser then says from where.
bool is_foreign(const http::request_head& head) {
    const auto origin = head.fields().find("origin");
    if (!origin) return false;
    const auto scheme = origin->find("://");
    return scheme == origin->npos || origin->substr(scheme + 3) != head.authority();
}

/// The N of `?after=N`; nothing if it is something else.
std::optional<std::uint64_t> after_in(std::string_view query) {
    constexpr std::string_view front = "?after=";
    if (query.empty()) return 0;
    std::uint64_t number = 0;
    if (!query.starts_with(front)) return std::nullopt;
    query.remove_prefix(front.size());
    const auto [end, problem] = std::from_chars(query.data(), query.data() + query.size(), number);
    if (problem != std::errc{} || end != query.data() + query.size()) return std::nullopt;
    return number;
}

bool is_browser(const http::request_head& head) {
    const auto wanted = head.fields().find("accept");
    return wanted && wanted->find("text/html") != wanted->npos;
}

}  // namespace

struct admin::reply {
    int status = 200;
    std::string body;
    std::string_view type = text_type;
    std::string fields = "Cache-Control: no-store\r\n";
};

task<void> admin::run(listener& door) {
    const auto serve_one = [this](stream_ptr client) { return serve(std::move(client)); };
    co_await for_each_concurrent(time_, callers{door}, connections_at_once, serve_one);
}

task<void> admin::serve(stream_ptr client) {
    nanoseconds patience = head_limit;
    while (true) {
        if (client->in().empty()) {
            const auto got = co_await timeout(time_, patience, client->fill());
            if (!got || !*got || **got == 0) co_return;
        }
        if (!co_await serve_request(*client)) break;
        patience = keep_alive;
    }
    client->shutdown_write();  // closing with bytes unread would reset the connection, and the answer with it
    co_await timeout(time_, linger_for, client->closed());
}

/// True if the connection may carry another one.
task<bool> admin::serve_request(byte_stream& client) {
    const auto until = time_.now() + head_limit;
    http::request_parser parser;
    http::request_head head;
    while (true) {
        const auto used = parser.parse(client.in(), {}, head);
        if (!used) {
            reply wrong{status_for(used.error().why), std::string{used.error().doing} + "\n"};
            co_return co_await send(client, wrong, false, false);
        }
        if (*used > 0) {
            client.consume(*used);
            break;
        }
        const auto got = co_await timeout_at(time_, until, client.fill());
        if (!got || !*got || **got == 0) co_return false;
    }
    const bool fits = !head.framing().has_body();
    reply said{413, "no request body is read here\n"};
    if (fits) said = co_await answer(head, client.peer());
    const bool keep = fits && head.keep_alive() && phase_ != run_phase::draining;
    co_return co_await send(client, said, head.verb() == http::method::head, keep);
}

task<bool> admin::send(byte_stream& client, const reply& what, bool head_only, bool keep) {
    http::answer_mode mode;
    mode.keep_alive = keep;
    mode.head_only = head_only;
    mode.date = date_.at(time_.wall_us());
    http::answer answer;
    answer.status = what.status;
    answer.body = what.body;
    answer.type = what.type;
    answer.fields = what.fields;
    std::string text;
    http::append_answer(text, answer, mode);
    const auto sent = co_await timeout(time_, answer_limit, client.write(text));
    co_return keep&& sent && *sent;
}

task<admin::reply> admin::answer(const http::request_head& head, const address& who) {
    const auto path = head.path();
    if (read_breaker_path(path)) {
        if (head.verb() == http::method::post) co_return give_order(head, who);
        co_return reply{405, "an order is a POST\n", text_type, "Allow: POST\r\n"};
    }
    constexpr std::array<std::string_view, 6> known{"/", "/live", "/ready", "/metrics", "/status", "/events"};
    if (std::ranges::find(known, path) == known.end())
        co_return reply{404, "no such page\n\n" + std::string{list_of_paths}};
    if (head.verb() != http::method::get && head.verb() != http::method::head)
        co_return reply{405, "this page can only be read\n", text_type, "Allow: GET, HEAD\r\n"};
    if (path == "/") co_return front_page(head);
    if (path == "/live") co_return reply{200, "ok\n"};
    if (path == "/ready") co_return ready();
    if (path == "/events") co_return events(head);
    const auto status = co_await look_();
    reply page;
    if (path == "/metrics") {
        append_metrics(page.body, status);
        page.type = prometheus_page::content_type;
    } else {
        append_status(page.body, status);
        page.type = json_type;
    }
    co_return page;
}

admin::reply admin::front_page(const http::request_head& head) {
    if (!is_browser(head))
        return {200, std::string{list_of_paths}, text_type, "Cache-Control: no-store\r\nVary: Accept\r\n"};
    char nonce[32];
    for (auto& digit : nonce) digit = "0123456789abcdef"[chance_.below(16)];
    const std::string_view once{nonce, sizeof nonce};
    return {200, dashboard_page(once), html_type, dashboard_fields(once)};
}

admin::reply admin::events(const http::request_head& head) const {
    const auto after = after_in(head.query());
    if (!after) return {400, "expected nothing or ?after=NUMBER\n"};
    reply page;
    page.type = lines_type;
    append_events(page.body, shared_.events.since(*after), time_.now(), time_.wall_us());
    return page;
}

admin::reply admin::ready() const {
    if (phase_ == run_phase::serving) return {200, "ok\n"};
    return {503, std::string{word(phase_)} + "\n"};
}

admin::reply admin::give_order(const http::request_head& head, const address& who) {
    if (is_foreign(head)) return {403, "sent by the page of another site\n"};
    const auto path = read_breaker_path(head.path());
    const auto backend = std::ranges::find(shared_.backends, path->backend, &backend::name);
    if (backend == shared_.backends.end()) return {404, "no backend " + path->backend + "\n"};
    const auto server = std::ranges::find(backend->servers(), path->server, &server::name);
    if (server == backend->servers().end()) return {404, "no server " + path->server + " in " + path->backend + "\n"};
    const auto order = order_in(head.query());
    if (!order) return {400, "expected ?order=open, ?order=close or ?order=reset\n"};

    const auto index = static_cast<std::size_t>(server - backend->servers().begin());
    backend->order(index, *order, time_.now());
    const auto state = backend->status(time_.now()).servers[index].breaker;
    std::string line = "breaker of " + path->backend + "/" + path->server + ": " + state + " by order [client ";
    who.append_to(line);
    log_.write(log_level::info, line.append("]"), time_.wall_us());

    reply done;
    done.type = json_type;
    json_writer json{done.body};
    json.open_object();
    json.member("backend", path->backend);
    json.member("server", path->server);
    json.member("breaker", state);
    json.close_object();
    done.body.push_back('\n');
    return done;
}

}  // namespace weir
