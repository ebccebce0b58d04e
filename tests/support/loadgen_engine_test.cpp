#include "tests/support/loadgen_engine.hpp"

#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/loadgen_report.hpp"
#include "tests/support/origin_server.hpp"

using namespace std::chrono_literals;

namespace {

/// An origin in a thread of its own.
struct running_origin {
    explicit running_origin(origin::options chosen = {}) : web{std::move(chosen)}, thread{[this] { web.run(); }} {}
    ~running_origin() {
        web.stop();
        thread.join();
    }
    origin::server web;
    std::thread thread;
};

loadgen::plan plan_for(const origin::server& web, const std::string& target, std::uint64_t requests) {
    loadgen::plan p;
    p.target = loadgen::resolve(web.address());
    p.heads = {"GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n"};
    p.requests = requests;
    p.connections = 4;
    return p;
}

std::uint64_t count(const loadgen::tally& found, loadgen::failure kind) {
    return found.errors[static_cast<std::size_t>(kind)];
}

}  // namespace

TEST_CASE("loadgen: every request is answered once, and each connection takes part") {
    running_origin origin;
    auto p = plan_for(origin.web, "/bytes/70000", 100);
    p.verify = true;
    const auto found = loadgen::engine{p}.run();
    CHECK(found.sent == 100);
    CHECK(found.by_class[2] == 100);
    CHECK(found.failed() == 0);
    CHECK(found.connections_opened == 4);
    CHECK(found.latency.count() == 100);
}

TEST_CASE("loadgen: a connection for each request") {
    running_origin origin;
    auto p = plan_for(origin.web, "/id", 30);
    p.heads = {"GET /id HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"};
    p.new_connections = true;
    const auto found = loadgen::engine{p}.run();
    CHECK(found.answered == 30);
    CHECK(found.connections_opened == 30);
}

TEST_CASE("loadgen: failures are told apart") {
    running_origin origin;
    const auto run = [&](const std::string& target) {
        auto p = plan_for(origin.web, target, 5);
        p.timeout = 20s;
        p.verify = true;
        return loadgen::engine{p}.run();
    };
    CHECK(count(run("/id?fail=reset"), loadgen::failure::reset) == 5);
    CHECK(count(run("/id?fail=close"), loadgen::failure::closed) == 5);
    CHECK(count(run("/bytes/9?cut=4"), loadgen::failure::closed) == 5);
    CHECK(count(run("/raw?text=nonsense%0d%0a%0d%0a"), loadgen::failure::bad_response) == 5);
    CHECK(count(run("/id"), loadgen::failure::mismatch) == 5);
    const auto refused = run("/bytes/9?status=503");
    CHECK(refused.failed() == 0);
    CHECK(refused.by_class[5] == 5);
}

TEST_CASE("loadgen: nobody listens") {
    std::string address;
    { address = origin::server{{}}.address(); }
    loadgen::plan p;
    p.target = loadgen::resolve(address);
    p.heads = {"GET / HTTP/1.1\r\n\r\n"};
    p.requests = 3;
    const auto found = loadgen::engine{p}.run();
    CHECK(count(found, loadgen::failure::connect) == 3);
    CHECK(found.answered == 0);
}

TEST_CASE("loadgen: in an open loop a stall is paid by all who came meanwhile") {
    running_origin origin;
    auto p = plan_for(origin.web, "/id", 50);
    p.heads.push_back("GET /id?delay=20ms HTTP/1.1\r\nHost: t\r\n\r\n");  // every second request takes 20 ms
    p.connections = 1;                                                    // so 50 requests take at least 0.5 s
    p.rate = 1000;                                                        // though they were wanted within 50 ms
    p.timeout = 60s;
    const auto found = loadgen::engine{p}.run();
    CHECK(found.answered == 50);
    CHECK(found.latency.percentile(50) > 200ms);  // service time alone would say 0 or 20 ms
    CHECK(found.latency.max() > 450ms);
}

TEST_CASE("loadgen: who waited too long for a connection is a timeout, too, and the run ends") {
    running_origin origin;
    auto p = plan_for(origin.web, "/id?silent", 20);
    p.connections = 1;
    p.rate = 1'000'000;  // all at once: only the first gets the connection
    p.timeout = 50ms;
    p.steps = {{0s, 1}};
    const auto found = loadgen::engine{p}.run();
    CHECK(count(found, loadgen::failure::timeout) == 20);
    CHECK(found.answered == 0);
    CHECK(found.steps[0].wanted == 20);
    CHECK(found.steps[0].errors == 20);
}

TEST_CASE("loadgen: kinds of clients come from their own addresses, and steps are told apart") {
    running_origin origin;
    auto p = plan_for(origin.web, "/headers", 0);
    p.heads.push_back("GET /bytes/9?status=503 HTTP/1.1\r\nHost: t\r\n\r\n");
    p.duration = 200ms;
    p.steps = {{0s, 1}, {100ms, 3}, {150ms, 0}};
    p.kinds = {{.name = "few", .source = loadgen::resolve("127.0.0.2:0"), .rate = 100, .connections = 2},
               {.name = "many", .source = {}, .rate = 400, .connections = 3}};
    const auto found = loadgen::engine{p}.run();
    REQUIRE(found.kinds.size() == 2);
    CHECK(found.kinds[0].wanted == 25);  // 0.1 s at the rate, and half as long at three times the rate
    CHECK(found.kinds[1].wanted == 100);
    REQUIRE(found.steps.size() == 3);
    CHECK(found.steps[0].wanted == 50);
    CHECK(found.steps[1].wanted == 75);
    CHECK(found.steps[2].wanted == 0);
    CHECK(found.answered == 125);
    CHECK(found.steps[0].ok + found.steps[1].ok == found.by_class[2]);
    CHECK(found.steps[0].statuses.at(503) + found.steps[1].statuses.at(503) == found.by_class[5]);
    CHECK(found.connections_opened == 5);
}

TEST_CASE("loadgen: request bodies, small and large") {
    running_origin origin;
    for (const std::uint64_t size : {100u, 1'000'000u}) {
        loadgen::plan p;
        p.target = loadgen::resolve(origin.web.address());
        p.heads = {"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n"};
        p.body_bytes = size;
        p.requests = 6;
        p.connections = 2;
        p.verify = true;
        const auto found = loadgen::engine{p}.run();
        CHECK(found.answered == 6);
        CHECK(found.failed() == 0);
    }
}

TEST_CASE("loadgen: plain TCP") {
    loadgen::plan p;
    p.requests = 10;
    p.connections = 2;
    p.verify = true;
    SECTION("ping-pong") {
        origin::options chosen;
        chosen.speaks = origin::protocol::echo;
        running_origin origin{chosen};
        p.target = loadgen::resolve(origin.web.address());
        p.kind = loadgen::traffic::ping_pong;
        p.message_bytes = 64;
        const auto found = loadgen::engine{p}.run();
        CHECK(found.answered == 10);
        CHECK(found.bytes_in == 640);
    }
    SECTION("bulk") {
        origin::options chosen;
        chosen.speaks = origin::protocol::source;
        chosen.source_bytes = 1 << 20;
        running_origin origin{chosen};
        p.target = loadgen::resolve(origin.web.address());
        p.kind = loadgen::traffic::bulk;
        const auto found = loadgen::engine{p}.run();
        CHECK(found.answered == 10);
        CHECK(found.bytes_in == 10 << 20);
        CHECK(found.connections_opened == 10);
    }
}

TEST_CASE("loadgen: connections can be held") {
    running_origin origin;
    auto p = plan_for(origin.web, "/id", 4);
    p.hold = true;
    loadgen::engine engine{p};
    std::uint64_t held = 0;
    engine.on_holding = [&](const loadgen::tally& so_far) {
        held = so_far.connections_opened;
        engine.stop();
    };
    CHECK(engine.run().answered == 4);
    CHECK(held == 4);
}

TEST_CASE("loadgen: the report for programs") {
    loadgen::tally found;
    found.sent = found.answered = 2;
    found.by_class[2] = 2;
    found.errors[static_cast<std::size_t>(loadgen::failure::timeout)] = 1;
    found.elapsed = 2s;
    found.latency.record(1ms);
    found.seconds.push_back({.wanted = 3,
                             .answered = 2,
                             .errors = 1,
                             .p50 = 1ms,
                             .p99 = 1ms,
                             .max = 1ms,
                             .ok = 1,
                             .statuses = {{200, 1}, {503, 1}}});
    found.steps.push_back({.wanted = 3, .ok = 1, .errors = 1, .statuses = {{200, 1}, {503, 1}}, .ok_latency = {}});
    loadgen::plan asked;
    asked.steps = {{0s, 2}};
    const auto json = as_json(found, asked);
    CHECK(json.starts_with(R"({"sent":2,"answered":2,"errors_total":1,"elapsed_s":2.000000,"per_second":1.00,)"));
    CHECK(json.contains(R"("status":{"2xx":2},"errors":{"timeout":1},"latency_us":{"min":1000.0,)"));
    CHECK(json.contains(
        R"("steps":[{"from_s":0.000,"factor":2.000,"wanted":3,"ok":1,"errors":1,"status":{"200":1,"503":1},"ok_latency_us":{)"));
    CHECK(json.ends_with(
        R"("seconds":[{"wanted":3,"answered":2,"errors":1,"p50_us":1000.0,"p99_us":1000.0,"max_us":1000.0,)"
        R"("ok":1,"ok_p50_us":0.0,"ok_p99_us":0.0,"status":{"200":1,"503":1}}]})"
        "\n"));
}
