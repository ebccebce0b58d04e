/// Every refusal is explained with one word, the same to the client, in the access log and in the error log.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

struct refusal {
    const char* word;
    int status;
    bool keeps;  // the connection is fit for another request
    std::string request;
};

std::string request_with(const std::string& fields, const std::string& line = "GET /id HTTP/1.1") {
    return line + "\r\nHost: t\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("what the client got wrong", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "max_body 10B; max_target 100B; max_headers 20; max_head 2KiB;")};
    const refusal table[] = {
        {"bad_request", 400, false, "nonsense\r\n\r\n"},
        {"bad_request", 400, false, request_with("Bad Name: x\r\n")},
        {"bad_request", 400, false, request_with("", "GET /a/../b HTTP/1.1")},
        {"bad_framing", 400, false, request_with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")},
        {"bad_host", 400, false, "GET /id HTTP/1.1\r\n\r\n"},
        {"bad_host", 400, false, "GET /id HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {"bad_host", 400, false, "GET /id HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {"unsupported_version", 505, false, request_with("", "GET /id HTTP/2.0")},
        {"unsupported_encoding", 501, false, request_with("Transfer-Encoding: gzip, chunked\r\n", "POST /id HTTP/1.1")},
        {"unsupported_method", 501, false, "CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"unsupported_method", 501, false, request_with("", "BREW /id HTTP/1.1")},
        {"unsupported_expectation", 417, false, request_with("Expect: miracles\r\n")},
        {"target_too_long", 414, false, request_with("", "GET /" + std::string(100, 'a') + " HTTP/1.1")},
        {"head_too_large", 431, false, request_with("X: " + std::string(2048, 'a') + "\r\n")},
        {"too_many_headers", 431, false, request_with([] {
        std::string many;
        for (int i = 0; i < 20; ++i) many += "X-N: " + std::to_string(i) + "\r\n";
        return many;
    }())},
        {"body_too_large", 413, false, request_with("Content-Length: 11\r\n", "POST /upload HTTP/1.1")},
        {"body_too_large", 413, false,
         request_with("Transfer-Encoding: chunked\r\n", "POST /upload HTTP/1.1") + "b\r\n12345678901\r\n0\r\n\r\n"},
    };
    for (const auto& [word, status, keeps, request] : table) {
        INFO(request);
        raw_client client{weir.address()};
        const auto answer = client.ask(request);
        CHECK(answer.status == status);
        CHECK(answer.why() == word);
        CHECK(answer.field("Proxy-Status").value_or("").starts_with("weir; error=http_request_error; "));
        CHECK(answer.field("Cache-Control") == "no-store");
        CHECK(answer.body.contains(word));
        CHECK(answer.closes() == !keeps);
        CHECK(client.ended());
        const auto line = weir.logged("\"id\":\"" + answer.field("X-Request-Id").value() + "\"");
        CHECK(line["reason"] == word);
        CHECK(line["status"] == std::to_string(status));
        CHECK(weir.told(answer.field("X-Request-Id").value()).contains(word));
    }
    CHECK(origin_count(web.address(), "bad_requests") == 0);
    CHECK(get(weir.address(), "/id").status == 200);
}

TEST_CASE("what is at its limit still goes through", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "max_body 10B; max_target 100B; max_headers 20; max_head 2KiB;")};
    raw_client client{weir.address()};
    CHECK(client.ask(request_with("Content-Length: 10\r\n", "POST /upload HTTP/1.1") + "1234567890").status == 200);
    CHECK(client.ask(request_with("Transfer-Encoding: chunked\r\n", "POST /upload HTTP/1.1") + chunked("1234567890", 3))
              .status == 200);
    CHECK(client.get("/headers?" + std::string(91, 'a')).status == 200);
    std::string many;
    for (int i = 0; i < 19; ++i) many += "X-N: " + std::to_string(i) + "\r\n";
    CHECK(client.get("/id", many).status == 200);
    const auto around = request_with("X: \r\n").size();
    CHECK(client.get("/id", "X: " + std::string(2048 - around, 'a') + "\r\n").status == 200);
}

TEST_CASE("what the configuration or the servers cannot give", "[e2e]") {
    origin_process web;
    closed_port nobody, nobody_either;
    scratch_directory here;
    const auto below_a_file = here.write("file", "") + "/app.sock";
    proxy weir{
        "listen 127.0.0.1:0 { route /bytes web; route /gone gone; route /raw web; route /unknown unknown; route /odd odd; }\n"
        "backend odd { server unix:" +
        below_a_file +
        "; }\n"
        "backend web { server " +
        web.address() + "; max_head 2KiB; breaker off; }\nbackend gone { server " + nobody.address() + "; server " +
        nobody_either.address() +
        "; }\n"
        "backend unknown { server no-such-name.invalid:80; }"};
    raw_client client{weir.address()};
    const std::pair<std::string, refusal> table[] = {
        {"/nowhere", {"no_route", 404, true, {}}},
        {"/gone", {"connect_refused", 502, true, {}}},
        {"/unknown", {"dns_failed", 502, true, {}}},
        {"/odd", {"connect_failed", 502, true, {}}},
        {"/bytes/1?fail=reset", {"backend_reset", 502, true, {}}},
        {"/bytes/2?fail=close", {"backend_closed", 502, true, {}}},
        {"/raw?text=nonsense%0D%0A%0D%0A", {"bad_response", 502, true, {}}},
        {"/bytes/3?header=X:" + std::string(2100, 'a'), {"response_head_too_large", 502, true, {}}},
        {"/bytes/4?unasked101", {"bad_upgrade", 502, true, {}}},
    };
    for (const auto& [target, expected] : table) {
        INFO(target.substr(0, 60));
        const auto answer = client.get(target);
        CHECK(answer.status == expected.status);
        CHECK(answer.why() == expected.word);
        CHECK_FALSE(answer.closes());
        const auto line = weir.logged("\"id\":\"" + answer.field("X-Request-Id").value() + "\"");
        CHECK(line["reason"] == expected.word);
        CHECK(line["target"].substr(0, 20) == target.substr(0, 20));
    }
    CHECK(client.get("/bytes/5").status == 200);
}

TEST_CASE("a refusal of a HEAD has no body, and one of HTTP/1.0 says keep-alive only if asked", "[e2e]") {
    proxy weir{"listen 127.0.0.1:0 { route /only { respond 200; } }"};
    raw_client client{weir.address()};
    CHECK(client.ask("HEAD /no HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD").why() == "no_route");
    CHECK(client.ask("GET /no HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").field("Connection") == "keep-alive");
    CHECK(client.ask("GET /no HTTP/1.0\r\n\r\n").closes());
    CHECK(client.ended());
}

TEST_CASE("a refusal with a body unread closes, so that the body is not taken for a request", "[e2e]") {
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { route /upload web; }\nbackend web { server " + web.address() + "; }"};
    raw_client client{weir.address()};
    const std::string hidden = "GET /upload?hidden HTTP/1.1\r\nHost: t\r\n\r\n";
    const auto answer = client.ask("POST /no HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(hidden.size()) +
                                   "\r\n\r\n" + hidden);
    CHECK(answer.status == 404);
    CHECK(answer.closes());
    CHECK(client.ended());
    CHECK(origin_count(web.address(), "requests") == 0);
}
