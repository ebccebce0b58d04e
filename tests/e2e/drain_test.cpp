/// How it ends: what runs is finished, what idles is closed, and the exit code says whether anybody was cut.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace weir::testing;

namespace {

bool refuses(const std::string& address) {
    try {
        raw_client client{address};
        client.send("GET /id HTTP/1.1\r\nHost: t\r\n\r\n");
        return client.read_all().empty() && client.was_reset();  // it slipped in before the door was shut
    } catch (const std::runtime_error&) { return true; }
}

}  // namespace

TEST_CASE("drain: TERM lets a download finish, then all ends well", "[e2e]") {
    origin_process web;
    const unsigned workers = GENERATE(1u, 2u);
    proxy weir{"workers " + std::to_string(workers) + ";\n" + simple({web.address()})};
    raw_client client{weir.address(), 4096};
    client.send("GET /bytes/30000000 HTTP/1.1\r\nHost: t\r\n\r\n");
    const auto begin = client.read_exactly(10'000);
    weir.signal(SIGTERM);
    weir.told("draining");
    CHECK(eventually([&] { return refuses(weir.address()); }));
    const auto all = begin + client.read_all();
    CHECK_FALSE(client.was_reset());
    const auto body = all.substr(all.find("\r\n\r\n") + 4);
    CHECK(body.size() == 30'000'000);
    CHECK_FALSE(origin::first_difference(body, 0));
    CHECK(weir.wait() == 0);
    CHECK(weir.told("stopped: ").contains("0 connections cut"));
    CHECK(weir.logged("/bytes/30000000")["reason"] == "none");
}

TEST_CASE("drain: idle connections are closed in order, and the answers before say so", "[e2e]") {
    origin_process web;
    const int order = GENERATE(SIGTERM, SIGQUIT, SIGINT);
    proxy weir{simple({web.address()})};
    raw_client idle{weir.address()}, busy{weir.address()};
    CHECK_FALSE(idle.get("/id").closes());
    busy.send("GET /id?delay=200ms HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    weir.signal(order);
    weir.told("draining");
    const auto answer = busy.answer();
    CHECK(answer.status == 200);
    CHECK(answer.closes());
    CHECK(busy.ended());
    CHECK(idle.ended());
    CHECK(weir.wait() == 0);
    const auto report = weir.told("stopped: ");
    CHECK(report.contains("served 2 requests on 2 connections"));
    CHECK(report.contains("0 log lines dropped"));
}

TEST_CASE("drain: the lame duck still serves, and says that it is going", "[e2e]") {
    origin_process web;
    proxy weir{"drain lame_duck=30s deadline=60s;\n" + simple({web.address()})};
    raw_client old{weir.address()};
    CHECK_FALSE(old.get("/id").closes());
    weir.signal(SIGTERM);
    weir.told("draining");
    CHECK(eventually([&] { return get(weir.address(), "/id").closes(); }));
    CHECK(old.get("/id").closes());
    CHECK(old.ended());
    weir.signal(SIGTERM);  // enough of it
    weir.wait();
    CHECK(weir.told("second signal").contains("stopping now"));
}

TEST_CASE("drain: a second order cuts at once, with a code of its own", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    client.send("GET /bytes/100?stall=50 HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    weir.signal(SIGTERM);
    weir.told("draining");
    weir.signal(SIGTERM);
    client.read_all();
    CHECK(weir.wait() == 4);
    CHECK(weir.told("stopping now").contains("second signal"));
    CHECK(weir.logged("/bytes/100")["reason"] == "draining");
    CHECK(weir.told("stopped: ").contains("1 connections cut"));
}

TEST_CASE("drain: the deadline cuts what is left", "[e2e]") {
    origin_process web;
    const bool tcp = GENERATE(false, true);
    origin_process echo{{"--tcp-echo"}};
    const auto backend = "backend web { server " + (tcp ? echo.address() : web.address()) + "; }";
    proxy weir{"drain lame_duck=0s deadline=200ms;\nlisten 127.0.0.1:0 { " +
               std::string{tcp ? "protocol tcp; default_backend web;" : "route / web;"} + " }\n" + backend};
    raw_client client{weir.address()};
    client.send(tcp ? "x" : "GET /bytes/100?stall=50 HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(client.read_exactly(1).size() == 1);
    CHECK(weir.stop() == 4);
    CHECK(weir.told("drain deadline").contains("cutting"));
}

TEST_CASE("drain: INT is brief", "[e2e]") {
    origin_process web;
    proxy weir{"drain lame_duck=20s deadline=60s;\n" + simple({web.address()})};
    raw_client client{weir.address()};
    client.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    weir.signal(SIGINT);
    CHECK(weir.wait() == 4);
    CHECK(weir.told("draining: 0 ms of grace, 2000 ms at most").contains("info"));
}

TEST_CASE("drain: requests that wait in the backlog are still served", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "max_connections 1;")};
    raw_client one{weir.address()}, two{weir.address()};
    one.send("GET /id?delay=100ms HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    two.send("GET /bytes/2 HTTP/1.1\r\nHost: t\r\n\r\n");
    weir.signal(SIGTERM);
    CHECK(one.answer().status == 200);
    CHECK(two.answer().body == origin::known_bytes(0, 2));
    CHECK(weir.wait() == 0);
}

TEST_CASE("pid file: written, found by -s, removed", "[e2e]") {
    scratch_directory here;
    const auto path = here.file("weir.pid");
    proxy weir{"pid_file " + path + ";\nlisten 127.0.0.1:0 { route / { respond 200; } }"};
    std::string pid;
    std::ifstream{path} >> pid;
    CHECK(pid == std::to_string(weir.process().pid()));
    CHECK(run_weir({"-s", "drain", "-f", weir.configuration_file()}).status == 0);
    CHECK(weir.wait() == 0);
    CHECK_FALSE(std::filesystem::exists(path));
    const auto nobody = run_weir({"-s", "drain", "-f", weir.configuration_file()});
    CHECK(nobody.status == 1);
    CHECK(nobody.errors.contains(path));
}

TEST_CASE("-s reload sends HUP", "[e2e]") {
    scratch_directory here;
    proxy weir{"pid_file " + here.file("weir.pid") + ";\nlisten 127.0.0.1:0 { route / { respond 200; } }"};
    CHECK(run_weir({"-s", "reload", "-f", weir.configuration_file()}).status == 0);
    weir.told("HUP");
    CHECK(get(weir.address(), "/").status == 200);
    CHECK(weir.stop() == 0);
}

TEST_CASE("-s stop cuts what runs", "[e2e]") {
    scratch_directory here;
    origin_process web;
    proxy weir{"pid_file " + here.file("weir.pid") + ";\n" + simple({web.address()})};
    raw_client client{weir.address()};
    client.send("GET /bytes/100?stall=50 HTTP/1.1\r\nHost: t\r\n\r\n");
    client.read_exactly(1);
    CHECK(run_weir({"-s", "stop", "-f", weir.configuration_file()}).status == 0);
    CHECK(weir.wait() == 4);
}

TEST_CASE("HUP does not end it", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    weir.signal(SIGHUP);
    weir.told("HUP");
    CHECK(get(weir.address(), "/id").status == 200);
    CHECK(weir.stop() == 0);
}
