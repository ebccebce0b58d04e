#include "proxy/server.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("server: addresses as configured, names until they are looked up") {
    const auto config = configured("listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; "
                                   "server orders.internal:9000; server unix:/run/a; }");
    journal events{100};
    backend web{config.backends[0], 7, events};
    auto& servers = web.servers();
    REQUIRE(servers.size() == 3);
    CHECK_FALSE(servers[0].needs_lookup());
    CHECK(servers[0].addresses() == std::vector{*address::parse_ip("127.0.0.1", 9001)});
    CHECK(servers[1].needs_lookup());
    CHECK(servers[1].addresses().empty());
    CHECK(servers[2].addresses().at(0).is_unix());

    const std::vector found{*address::parse_ip("10.0.0.1", 9000)};
    CHECK(servers[1].set_addresses(found));
    CHECK_FALSE(servers[1].set_addresses(found));  // no news
    CHECK(servers[1].addresses() == found);
}
