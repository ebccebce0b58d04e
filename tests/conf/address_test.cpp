#include "conf/address.hpp"

#include "tests/support/catch.hpp"

using namespace weir::conf;

TEST_CASE("address: where to listen") {
    const auto every = read_listen_address("8080");
    REQUIRE(every);
    CHECK(every->host.empty());
    CHECK(every->port == 8080);
    CHECK(every->text == "8080");

    const auto v6 = read_listen_address("[::1]:0");
    REQUIRE(v6);
    CHECK(v6->host == "::1");
    CHECK(v6->port == 0);

    const auto local = read_listen_address("unix:/run/weir.sock");
    REQUIRE(local);
    CHECK(local->unix_path == "/run/weir.sock");

    for (auto text :
         {"", "65536", "-1", "name:80", "*:80", ":80", "1.2.3:80", "1.2.3.4", "::1", "[::1]80", "unix:", "unix:/"})
        CHECK_FALSE(read_listen_address(text));
}

TEST_CASE("address: where a server is") {
    CHECK(read_server_address("10.0.0.1:80")->host == "10.0.0.1");
    CHECK(read_server_address("[fd00::1]:80")->host == "fd00::1");
    CHECK(read_server_address("app_1.internal:65535")->port == 65535);
    CHECK(read_server_address("unix:/a")->unix_path == "/a");
    for (auto text :
         {"", "80", "a", "a:", "a:0", "a:80:80", ":80", "-a:80", "a.:80", "1.2.3:80", "010.1.1.256:80", "a b:80"})
        CHECK_FALSE(read_server_address(text));
    CHECK_FALSE(read_server_address(std::string(64, 'a') + ":80"));
    CHECK_FALSE(read_server_address(std::string_view{"1.2.3.4\0:80", 11}));
}

TEST_CASE("address: networks are 16 bytes and a prefix, IPv4 mapped") {
    const auto v4 = read_network("10.0.0.0/8");
    REQUIRE(v4);
    CHECK(v4->prefix == 104);
    CHECK(v4->bytes[10] == 0xff);
    CHECK(v4->bytes[12] == 10);

    CHECK(read_network("192.0.2.1")->prefix == 128);
    CHECK(read_network("::/0")->prefix == 0);
    CHECK(read_network("0.0.0.0/0")->prefix == 96);
    CHECK(read_network("fd00::/8")->bytes[0] == 0xfd);
    CHECK(read_network("unix")->unix_socket);
    for (auto text : {"", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.1/31", "fd00::1/127", "name", "10.0.0.0/8/8"})
        CHECK_FALSE(read_network(text));
}
