#include "proxy/route.hpp"

#include "lib/http/parser.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;

namespace {
/// The number of the route that takes the request, -1 for none, 99 for the default backend.
struct table {
    explicit table(std::string_view text) : config{testing::configured(text)}, routes{config.listeners[0], 1} {}
    int find(std::string_view method, std::string_view target, std::string_view host = "a") {
        std::string text{method};
        text.append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n\r\n");
        http::request_head head;
        http::request_parser parser;
        REQUIRE(parser.parse(text, {}, head).value_or(0) == text.size());
        const auto* way = routes.find(head);
        if (!way) return -1;
        const auto* found = &way->settings;
        const auto& all = config.listeners[0].routes;
        return found >= all.data() && found < all.data() + all.size() ? static_cast<int>(found - all.data()) : 99;
    }
    conf::config config;
    route_table routes;
};
constexpr std::string_view backend_web = " backend web { server 127.0.0.1:9001; }";
}  // namespace

TEST_CASE("route: the first that matches host, path by whole segments, and method") {
    table t{std::string{"listen 127.0.0.1:1 {"
                        "route /orders/ web host=api.example.com;"
                        "route /orders web host=*.example.com method=GET,HEAD;"
                        "route /static web; }"} +
            std::string{backend_web}};
    CHECK(t.find("GET", "/orders/1", "api.example.com") == 0);
    CHECK(t.find("GET", "/orders/1", "API.example.com:8080") == 0);
    CHECK(t.find("GET", "/orders", "x.example.com") == 1);
    CHECK(t.find("POST", "/orders", "x.example.com") == -1);
    CHECK(t.find("GET", "/ordersx", "x.example.com") == -1);
    CHECK(t.find("GET", "/orders", "example.com") == -1);
    CHECK(t.find("GET", "/static/a?b") == 2);
    CHECK(t.find("GET", "/") == -1);
}

TEST_CASE("route: spellings that a server would take for the same path are the same") {
    table t{std::string{"listen 127.0.0.1:1 { route /admin web; }"} + std::string{backend_web}};
    CHECK(t.find("GET", "/admin") == 0);
    CHECK(t.find("GET", "/%61dmin") == 0);
}

TEST_CASE("route: the default backend takes the rest; OPTIONS * belongs to /") {
    table rest{std::string{"listen 127.0.0.1:1 { default_backend web; route /a web; }"} + std::string{backend_web}};
    CHECK(rest.find("GET", "/a") == 0);
    CHECK(rest.find("GET", "/b") == 99);
    table root{std::string{"listen 127.0.0.1:1 { route / web; }"} + std::string{backend_web}};
    CHECK(root.find("OPTIONS", "*") == 0);
}
