#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("connect_any: the first address that answers, past those that refuse") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        std::optional<address> nobody;
        {
            loopback gone{context};
            nobody = gone.at();
        }
        loopback net{context};
        std::vector<address> some{*nobody, net.at()};
        const auto made = co_await connect_any(context, std::move(some));
        REQUIRE(made.has_value());
        CHECK(made->to == net.at());

        std::vector<address> none;
        const auto nothing = co_await connect_any(context, std::move(none));
        CHECK(nothing.error().code == EADDRNOTAVAIL);

        std::vector<address> refusing{*nobody, *nobody};
        const auto refused = co_await connect_any(context, std::move(refusing));
        CHECK(refused.error().code == ECONNREFUSED);
    });
}

TEST_CASE("connect_any: families take turns, the first address's first, and keep their order") {
    const auto v4 = [](const char* ip) { return *address::parse_ip(ip, 1); };
    const std::vector<address> given{v4("::1"), v4("::2"), v4("::3"), v4("127.0.0.1"), v4("127.0.0.2")};
    const std::vector<address> wanted{v4("::1"), v4("127.0.0.1"), v4("::2"), v4("127.0.0.2"), v4("::3")};
    CHECK(interleave_families(given) == wanted);
    CHECK(interleave_families({}).empty());
}
