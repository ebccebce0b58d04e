/// The PROXY protocol, received and sent.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;
using namespace std::string_literals;

namespace {

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

/// 10.1.2.3:4660 to 10.4.5.6:80
const std::string v2_of_ipv4 = signature + "\x21\x11\x00\x0c\x0a\x01\x02\x03\x0a\x04\x05\x06\x12\x34\x00\x50"s;
const std::string v2_local = signature + "\x20\x00\x00\x00"s;

}  // namespace

TEST_CASE("accept_proxy: the client is whom the header names", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "accept_proxy on;")};
    const std::pair<std::string, std::string> headers[] = {
        {"PROXY TCP4 10.1.2.3 10.4.5.6 4660 80\r\n", "10.1.2.3"},
        {"PROXY TCP6 2001:db8::1 2001:db8::2 4660 80\r\n", "2001:db8::1"},
        {"PROXY UNKNOWN\r\n", "127.0.0.1"},
        {v2_of_ipv4, "10.1.2.3"},
        {v2_local, "127.0.0.1"},
    };
    for (const auto& [header, client_address] : headers) {
        raw_client client{weir.address()};
        for (const char c : header) client.send({&c, 1});
        CHECK(client.get("/headers").body.contains("\r\nX-Forwarded-For: " + client_address + "\r\n"));
        CHECK(client.get("/headers")
                  .body.contains("\r\nX-Forwarded-For: " + client_address +
                                 "\r\n"));  // of the connection, not the request
    }
    CHECK(weir.logged("10.1.2.3:4660")["status"] == "200");
}

TEST_CASE("accept_proxy: whoever comes without a header is not served", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "accept_proxy on; timeout client_header=200ms;")};
    for (const auto& bytes :
         {"GET /id HTTP/1.1\r\nHost: t\r\n\r\n"s, "PROXY TCP4 999.1.2.3 10.4.5.6 4660 80\r\n"s, "PROXY TCP4 10.1.2.3"s,
          signature + "\x31\x11\x00\x0c"s, "PROXY TCP4 10.1.2.3 10.4.5.6 4660 80\n"s}) {
        INFO(bytes);
        raw_client client{weir.address()};
        client.send(bytes);
        CHECK(client.read_all().empty());
    }
    CHECK(weir.told("bad_proxy_header").contains("client 127.0.0.1"));
    CHECK(origin_count(web.address(), "requests") == 0);
}

TEST_CASE("accept_proxy in tcp mode: the header is not passed on", "[e2e]") {
    origin_process echo{{"--tcp-echo"}};
    proxy weir{"listen 127.0.0.1:0 { protocol tcp; accept_proxy on; default_backend b; }\nbackend b { server " +
               echo.address() + "; }"};
    raw_client client{weir.address()};
    client.send(v2_of_ipv4 + "hello");
    CHECK(client.read_exactly(5) == "hello");
    client.finish_sending();
    CHECK(client.read_all().empty());
    CHECK(weir.logged("\"tcp\"")["client"] == "10.1.2.3:4660");
}

TEST_CASE("send_proxy: every connection starts with the header", "[e2e]") {
    raw_server server;
    const bool http = GENERATE(true, false);
    const std::string version = GENERATE("v1", "v2");
    proxy weir{"listen 127.0.0.1:0 { " + (http ? "route / b;"s : "protocol tcp; default_backend b;"s) +
               " }\nbackend b { send_proxy " + version + "; server " + server.address() + "; }"};
    raw_client client{weir.address()};
    client.send("GET /one HTTP/1.1\r\nHost: t\r\n\r\n");
    auto at = server.accept();
    const auto port = weir.address().substr(weir.address().rfind(':') + 1);
    if (version == "v1") {
        const auto line = at.read_until("\r\n");
        CHECK(line.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "));
        CHECK(line.ends_with(" " + port + "\r\n"));
    } else {
        const auto header = at.read_exactly(28);
        CHECK(header.substr(0, 16) == signature + "\x21\x11\x00\x0c"s);
        CHECK(header.substr(16, 8) == "\x7f\x00\x00\x01\x7f\x00\x00\x01"s);
        const auto of = [&](std::size_t i) { return static_cast<unsigned char>(header[i]); };
        CHECK(std::to_string(of(26) * 256 + of(27)) == port);
    }
    CHECK(at.read_until("\r\n\r\n").starts_with("GET /one "));
}

TEST_CASE("send_proxy: a connection that names one client carries no request of another", "[e2e]") {
    raw_server server;
    proxy weir{simple({server.address()}, "", "send_proxy v1;")};
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    raw_client one{weir.address()}, two{weir.address()};
    one.send("GET /one HTTP/1.1\r\nHost: t\r\n\r\n");
    auto first = server.accept();
    const auto header_of_one = first.read_until("\r\n");
    first.read_until("\r\n\r\n");
    first.send(ok);
    CHECK(one.answer().status == 200);
    two.send("GET /two HTTP/1.1\r\nHost: t\r\n\r\n");
    auto second = server.accept();
    const auto header_of_two = second.read_until("\r\n");
    CHECK(header_of_two.starts_with("PROXY TCP4 "));
    CHECK(header_of_one != header_of_two);
    second.read_until("\r\n\r\n");
    second.send(ok);
    CHECK(two.answer().status == 200);
}
