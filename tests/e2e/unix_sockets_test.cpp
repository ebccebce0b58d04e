/// Unix sockets and IPv6, on both sides.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

#include <csignal>
#include <fstream>

using namespace weir::testing;

TEST_CASE("unix sockets on both sides, http", "[e2e]") {
    scratch_directory here;
    origin_process web{{"--unix", here.file("app.sock")}};
    proxy weir{"listen unix:" + here.file("weir.sock") + " { route / web; }\nlisten unix:" + here.file("trusted.sock") +
               " { trusted unix; route / web; }\nbackend web { server unix:" + here.file("app.sock") + "; }"};
    raw_client client{weir.address()};
    CHECK(client.get("/bytes/3000000").body == origin::known_bytes(0, 3'000'000));
    const auto seen = client.get("/headers", "X-Forwarded-For: 6.6.6.6\r\n").body;
    CHECK_FALSE(seen.contains("6.6.6.6"));
    CHECK(seen.contains("\r\nForwarded: for=unknown;host=t;proto=http\r\n"));
    CHECK(get(weir.address(1), "/headers", "X-Forwarded-For: 6.6.6.6\r\n")
              .body.contains("\r\nX-Forwarded-For: 6.6.6.6\r\n"));
    const auto body = origin::known_bytes(0, 500'000);
    CHECK(client.ask("PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n" + body)
              .body.contains(origin::hex16(origin::fnv1a(body))));
    CHECK(weir.logged("/bytes/3000000")["server"] == "unix:" + here.file("app.sock"));
}

TEST_CASE("unix sockets on both sides, tcp, shared by two workers", "[e2e]") {
    scratch_directory here;
    origin_process echo{{"--tcp-echo", "--unix", here.file("app.sock")}};
    proxy weir{"workers 2;\nlisten unix:" + here.file("weir.sock") +
               " { protocol tcp; default_backend b; }\nbackend b { server unix:" + here.file("app.sock") + "; }"};
    for (int i = 0; i < 20; ++i) {
        raw_client client{weir.address()};
        client.send("hello");
        client.finish_sending();
        CHECK(client.read_all() == "hello");
    }
}

TEST_CASE("a stale socket file is replaced, a live one and a plain file are left alone", "[e2e]") {
    scratch_directory here;
    const auto path = here.file("weir.sock");
    const std::string text = "listen unix:" + path + " { route / { respond 200; } }";
    SECTION("stale") {
        proxy killed{text};
        killed.signal(SIGKILL);
        killed.wait();
        proxy weir{text};
        CHECK(get(weir.address(), "/").status == 200);
    }
    SECTION("live") {
        proxy weir{text};
        const auto second = run_weir({"-f", weir.configuration_file()});
        CHECK(second.status == 1);
        CHECK(second.errors.contains(path));
        CHECK(get(weir.address(), "/").status == 200);
    }
    SECTION("no socket") {
        std::ofstream{path} << "precious";
        const auto failed = run_weir({"-f", here.write("weir.conf", text)});
        CHECK(failed.status == 1);
        std::string kept;
        std::ifstream{path} >> kept;
        CHECK(kept == "precious");
    }
}

TEST_CASE("a socket that is not there counts as refused", "[e2e]") {
    origin_process web;
    scratch_directory here;
    proxy weir{simple({"unix:" + here.file("nothing.sock")})};
    CHECK(get(weir.address(), "/id").why() == "connect_refused");
}

TEST_CASE("IPv6 on both sides", "[e2e]") {
    std::unique_ptr<origin_process> web;
    try {
        web = std::make_unique<origin_process>(std::vector<std::string>{"--address", "::1"});
    } catch (const std::exception&) {
        WARN("this machine has no IPv6 loopback");
        return;
    }
    proxy weir{"listen [::1]:0 { route / web; }\nlisten [::]:0 { route / web; }\nbackend web { server " +
               web->address() + "; }"};
    CHECK(weir.address().starts_with("[::1]:"));
    const auto seen = get(weir.address(), "/headers").body;
    CHECK(seen.contains("\r\nX-Forwarded-For: ::1\r\n"));
    CHECK(seen.contains("\r\nForwarded: for=\"[::1]\";host=t;proto=http\r\n"));
    raw_client v6_host{weir.address()};
    CHECK(v6_host.ask("GET /headers HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").body.contains("\r\nHost: [::1]:8080\r\n"));
    // [::] is every address, IPv4 too; a client is then called by its IPv4 address.
    const auto port = weir.address(1).substr(weir.address(1).rfind(':'));
    CHECK(get("127.0.0.1" + port, "/headers").body.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n"));
}
