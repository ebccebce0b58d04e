#include "proxy/admin.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_stream.hpp"
#include "tests/support/json_text.hpp"
#include "tests/support/prometheus_text.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"
#include "tests/support/status_sample.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct kept_lines final : line_sink {
    void append(std::string_view line) override { text.append(line); }
    std::string text;
};

/// The admin pages of a process that is not there, and one client of them.
struct desk {
    desk() {
        auto made = fake_stream::make(streams, *address::parse_ip("127.0.0.1", 5000));
        stream = std::move(made.first);
        client = made.second;
    }
    task<void> serve() { return pages.serve(std::move(stream)); }
    /// The answer to one request; the connection stays.
    std::string ask(std::string_view first_line, std::string_view fields = {}) {
        client->received.clear();
        client->send(
            std::string{first_line}.append(" HTTP/1.1\r\nHost: localhost:9900\r\n").append(fields).append("\r\n"));
        time.settle();
        return client->received;
    }
    static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
    std::string breaker_state() { return shared.backends[0].status(time.now()).servers[0].breaker; }

    virtual_loop time;
    conf::config config = configured("listen 127.0.0.1:1 { route / web; } "
                                     "backend web { server 127.0.0.1:9001; server unix:/run/a; }");
    shared_state shared{config, 10, 7};
    stream_context streams{time};
    kept_lines lines;
    error_log log{lines, log_level::info, "process"};
    run_phase phase = run_phase::serving;
    unsigned looks = 0;
    admin pages{time, shared, log, phase, 7, [this]() -> task<process_status> {
        ++looks;
        co_await time.sleep(10ms);
        co_return sample_status();
    }};
    stream_ptr stream;
    std::shared_ptr<fake_peer> client;
};

}  // namespace

TEST_CASE("admin: live is 200 whatever the process does, ready only while it serves") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("GET /live").starts_with("HTTP/1.1 200 "));
    CHECK(d.ask("GET /ready").starts_with("HTTP/1.1 200 "));
    d.phase = run_phase::starting;
    const auto early = d.ask("GET /ready");
    CHECK(early.starts_with("HTTP/1.1 503 "));
    CHECK(early.ends_with("\r\n\r\nstarting\n"));
    CHECK(d.ask("GET /live").starts_with("HTTP/1.1 200 "));
    d.phase = run_phase::draining;
    const auto late = d.ask("GET /ready");
    CHECK(late.starts_with("HTTP/1.1 503 "));
    CHECK(late.contains("\r\nConnection: close\r\n"));
    CHECK(late.ends_with("\r\n\r\ndraining\n"));
    CHECK(d.client->half_closed);
}

TEST_CASE("admin: metrics and status are what was gathered for them") {
    desk d;
    running<void> served{d.time, d.serve()};
    d.ask("GET /metrics");
    d.time.advance(20ms);
    CHECK(d.client->received.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CHECK(prometheus_text::read(desk::body_of(d.client->received)).value("weir_requests_total") == 201);
    d.ask("GET /status");
    d.time.advance(20ms);
    CHECK(d.client->received.contains("\r\nContent-Type: application/json\r\n"));
    CHECK(json_text::read(desk::body_of(d.client->received))["backends"].size() == 2);
    CHECK(d.looks == 2);
}

TEST_CASE("admin: HEAD has the head only") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("HEAD /live").ends_with("Content-Length: 3\r\nCache-Control: no-store\r\n\r\n"));
}

TEST_CASE("admin: a browser gets the dashboard, others a list of what there is") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("GET /").contains("GET  /events"));
    CHECK(d.client->received.contains("\r\nVary: Accept\r\n"));
    const auto page = d.ask("GET /", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n");
    CHECK(page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"));
    CHECK(page.contains("\r\nContent-Security-Policy: default-src 'none'; "));
    CHECK(page.ends_with("</html>\n"));
    const auto nonce = [](const std::string& from) { return from.substr(from.find("'nonce-"), 40); };
    CHECK(page.contains("<script nonce=\"" + nonce(page).substr(7, 32) + "\">"));
    CHECK(nonce(d.ask("GET /", "Accept: text/html\r\n")) != nonce(page));
}

TEST_CASE("admin: events are told from where the reader stopped") {
    desk d;
    running<void> served{d.time, d.serve()};
    d.ask("POST /backends/web/servers/127.0.0.1:9001/breaker?order=open");
    d.ask("POST /backends/web/servers/127.0.0.1:9001/breaker?order=reset");
    const auto all = d.ask("GET /events");
    CHECK(all.contains("\r\nContent-Type: application/x-ndjson\r\n"));
    CHECK(std::ranges::count(desk::body_of(all), '\n') == 2);
    CHECK(json_text::read(desk::body_of(d.ask("GET /events?after=1")))["why"].text() == "reset");
    CHECK(desk::body_of(d.ask("GET /events?after=2")).empty());
    CHECK(d.ask("GET /events?after=x").starts_with("HTTP/1.1 400 "));
    CHECK(d.ask("GET /events?before=1").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("admin: what is not there, and what is asked in the wrong way") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("GET /").contains("/metrics"));
    CHECK(d.ask("GET /nowhere").starts_with("HTTP/1.1 404 "));
    CHECK(d.ask("POST /status").starts_with("HTTP/1.1 405 "));
    const auto read = d.ask("GET /backends/web/servers/127.0.0.1:9001/breaker?order=open");
    CHECK(read.starts_with("HTTP/1.1 405 "));
    CHECK(read.contains("\r\nAllow: POST\r\n"));
    CHECK(d.breaker_state() == "closed");
}

TEST_CASE("admin: an order changes the breaker, says so and is logged") {
    desk d;
    running<void> served{d.time, d.serve()};
    const auto opened = d.ask("POST /backends/web/servers/127.0.0.1:9001/breaker?order=open");
    CHECK(opened.starts_with("HTTP/1.1 200 "));
    CHECK(json_text::read(desk::body_of(opened))["breaker"].text() == "forced_open");
    CHECK(d.breaker_state() == "forced_open");
    CHECK(d.lines.text.contains("info"));
    CHECK(d.lines.text.contains("breaker of web/127.0.0.1:9001: forced_open by order [client 127.0.0.1:5000]"));
    d.ask("POST /backends/web/servers/127.0.0.1:9001/breaker?order=close");
    CHECK(d.breaker_state() == "forced_closed");
    d.ask("POST /backends/web/servers/127.0.0.1:9001/breaker?order=reset", "Content-Length: 0\r\n");
    CHECK(d.breaker_state() == "closed");
}

TEST_CASE("admin: a Unix socket's server is named as it is, or percent-encoded") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("POST /backends/web/servers/unix:/run/a/breaker?order=open").starts_with("HTTP/1.1 200 "));
    CHECK(d.ask("POST /backends/w%65b/servers/unix%3a%2Frun%2Fa/breaker?order=close").starts_with("HTTP/1.1 200 "));
    CHECK(d.shared.backends[0].status(d.time.now()).servers[1].breaker == "forced_closed");
}

TEST_CASE("admin: an order that makes no sense changes nothing") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("POST /backends/nobody/servers/127.0.0.1:9001/breaker?order=open").starts_with("HTTP/1.1 404 "));
    CHECK(d.ask("POST /backends/web/servers/127.0.0.1:1/breaker?order=open").starts_with("HTTP/1.1 404 "));
    CHECK(d.ask("POST /backends/web/servers/breaker?order=open").starts_with("HTTP/1.1 404 "));
    for (const auto* query : {"", "?", "?order=", "?order=opened", "?order=open&order=close"}) {
        const auto answer = d.ask(std::string{"POST /backends/web/servers/127.0.0.1:9001/breaker"} + query);
        CHECK(answer.starts_with("HTTP/1.1 400 "));
        CHECK(answer.ends_with("expected ?order=open, ?order=close or ?order=reset\n"));
    }
    CHECK(d.breaker_state() == "closed");
}

TEST_CASE("admin: a browser gives no orders for the page of another site") {
    desk d;
    running<void> served{d.time, d.serve()};
    const auto* order = "POST /backends/web/servers/127.0.0.1:9001/breaker?order=open";
    CHECK(d.ask(order, "Origin: https://evil.example\r\n").starts_with("HTTP/1.1 403 "));
    CHECK(d.ask(order, "Origin: null\r\n").starts_with("HTTP/1.1 403 "));
    CHECK(d.breaker_state() == "closed");
    CHECK(d.ask(order, "Origin: http://localhost:9900\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("admin: bodies are not read") {
    desk d;
    running<void> served{d.time, d.serve()};
    CHECK(d.ask("POST /status", "Content-Length: 5\r\n").starts_with("HTTP/1.1 413 "));
    CHECK(d.client->half_closed);
    d.time.advance(2s);
    CHECK(d.client->closed);
}

TEST_CASE("admin: what is no request is refused, and the connection ends") {
    desk d;
    running<void> served{d.time, d.serve()};
    d.client->send("nonsense\r\n\r\n");
    d.time.settle();
    CHECK(d.client->received.starts_with("HTTP/1.1 400 "));
    d.client->finish();
    d.time.settle();
    CHECK(d.client->closed);
}

TEST_CASE("admin: who is slow or idle loses the connection") {
    desk d;
    running<void> served{d.time, d.serve()};
    SECTION("no byte") { d.time.advance(4s); }
    SECTION("half a head") {
        d.client->send("GET /live HT");
        d.time.advance(4s);
    }
    SECTION("no second request") {
        d.ask("GET /live");
        d.time.advance(29s);
    }
    CHECK_FALSE(d.client->closed);
    d.time.advance(3s);
    CHECK(d.client->closed);
}
