/// The access log: one line for every request, in two formats, which nobody can forge.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

using namespace weir::testing;

namespace {

std::vector<std::string> lines_of(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file{path};
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("log: one line per request, each with an id of its own", "[e2e]") {
    origin_process web;
    proxy weir{"workers 2;\n" + simple({web.address()})};
    constexpr int connections = 10, each = 20;
    for (int c = 0; c < connections; ++c) {
        raw_client client{weir.address()};
        for (int i = 0; i < each; ++i) CHECK(client.get(i % 5 ? "/bytes/10" : "/id?status=404").status != 0);
    }
    CHECK(weir.stop() == 0);
    const auto lines = weir.log_lines();
    REQUIRE(lines.size() == connections * each);
    std::set<std::string> ids;
    int not_found = 0;
    for (const auto& line : lines) {
        ids.insert(line["id"]);
        not_found += line["status"] == "404";
    }
    CHECK(ids.size() == lines.size());
    CHECK(not_found == connections * each / 5);
}

TEST_CASE("log: what a line says", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const std::string request = "POST /upload?x HTTP/1.1\r\nHost: shop.example:81\r\nContent-Length: 5\r\n\r\nhello";
    client.ask(request);
    client.get("/bytes/1000");
    const auto first = weir.logged("/upload?x");
    CHECK(first.keys() == std::vector<std::string>{"time",     "client",     "listener",  "protocol",   "method",
                                                   "host",     "target",     "version",   "status",     "reason",
                                                   "bytes_in", "bytes_out",  "header_us", "connect_us", "first_byte_us",
                                                   "total_us", "backend",    "server",    "tries",      "reused",
                                                   "tls",      "tls_cipher", "tls_us",    "id"});
    CHECK(first["client"].starts_with("127.0.0.1:"));
    CHECK(first["listener"] == weir.address());
    CHECK(first["protocol"] == "http");
    CHECK(first["method"] == "POST");
    CHECK(first["host"] == "shop.example:81");
    CHECK(first["version"] == "1.1");
    CHECK(first["status"] == "400");  // the origin knows no query of that name
    CHECK(first["reason"] == "none");
    CHECK(first["backend"] == "web");
    CHECK(first["server"] == web.address());
    CHECK(first["reused"] == "false");
    CHECK(first["bytes_in"] == std::to_string(request.size()));
    CHECK(first.number("connect_us") <= first.number("total_us"));
    CHECK(first.number("first_byte_us") <= first.number("total_us"));
    const auto second = weir.logged("/bytes/1000");
    CHECK(second["reused"] == "true");
    CHECK(second["connect_us"] == "null");
    CHECK(second.number("bytes_out") > 1000);
}

TEST_CASE("log: nobody forges a line", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    CHECK(get(weir.address(), "/headers?\",\"status\":200,\"x\":\"\\").status == 200);
    CHECK(weir.logged("/headers")["target"] == "/headers?\",\"status\":200,\"x\":\"\\");
    raw_client client{weir.address()};
    CHECK(client.ask("GET /\xc3\xbc HTTP/1.1\r\nHost: t\r\n\r\n").status == 400);
    CHECK(weir.stop() == 0);
    CHECK(weir.log_lines().size() == 2);  // each is JSON, or this throws
}

TEST_CASE("log: text", "[e2e]") {
    origin_process web;
    proxy weir{"access_log stdout format=text;\n" + simple({web.address()})};
    CHECK(get(weir.address(), "/headers?a=\"b\"").status == 200);
    CHECK(weir.stop() == 0);
    const auto text = weir.process().output();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.contains(" method=GET host=t target=/headers?a=\\x22b\\x22 version=1.1 status=200 reason=none "));
}

TEST_CASE("log: off, and into files that can be moved away", "[e2e]") {
    scratch_directory here;
    const auto access = here.file("access.log"), errors = here.file("error.log");
    SECTION("off") {
        proxy weir{"access_log off;\nlisten 127.0.0.1:0 { route / { respond 200; } }"};
        CHECK(get(weir.address(), "/").status == 200);
        CHECK(weir.stop() == 0);
        CHECK(weir.process().output().empty());
    }
    SECTION("USR1 opens them anew") {
        proxy weir{"access_log " + access + " format=json;\nlisten 127.0.0.1:0 { route / { respond 200; } }"};
        CHECK(get(weir.address(), "/one").status == 200);
        CHECK(eventually([&] { return get(weir.address(), "/more").status == 200 && !lines_of(access).empty(); }));
        std::filesystem::rename(access, access + ".1");
        weir.signal(SIGUSR1);
        weir.told("logs opened anew");
        CHECK(get(weir.address(), "/two").status == 200);
        CHECK(weir.stop() == 0);
        CHECK(lines_of(access + ".1").at(0).contains("/one"));
        REQUIRE_FALSE(lines_of(access).empty());
        CHECK(lines_of(access).back().contains("/two"));
    }
}

TEST_CASE("log: the error log has levels and is quiet when told so", "[e2e]") {
    scratch_directory here;
    const auto errors = here.file("error.log");
    proxy weir{"listen 127.0.0.1:0 { route /a { respond 200; } }"};
    CHECK(get(weir.address(), "/b").status == 404);
    CHECK(weir.told("no_route").contains(" warn "));
    CHECK(weir.stop() == 0);
    const auto said = weir.process().errors();
    CHECK(said.contains(" info  process: ready: 1 workers"));
    CHECK(said.contains(" info  process: stopped: "));
}
