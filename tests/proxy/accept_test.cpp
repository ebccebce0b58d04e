#include "proxy/accept.hpp"

#include "tests/support/property.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::string_view two_each = "listen 127.0.0.1:1 { max_connections_per_client 2; route / web; } "
                                      "backend web { server 127.0.0.1:9001; }";

struct entrance {
    explicit entrance(std::string_view text) : world{time, text} {}
    struct visitor {
        admitted client;
        std::shared_ptr<fake_peer> peer;
        bool let_in;
    };
    std::unique_ptr<visitor> come(std::string_view ip, std::uint16_t port = 5000) {
        auto made = fake_stream::make(world.worker.streams, *address::parse_ip(ip, port));
        admitted client{std::move(made.first), nullptr, nullptr, world.worker.numbers};
        const bool let_in = enter_as_client(world.worker, world.view, client);
        return std::make_unique<visitor>(std::move(client), made.second, let_in);
    }
    std::uint64_t refused() {
        return world.worker.numbers.refused_total[static_cast<std::size_t>(reason::client_connections)].value();
    }
    virtual_loop time;
    proxy_world world;
};

}  // namespace

TEST_CASE("accept: a client has no more connections than it may, others have theirs") {
    entrance door{two_each};
    auto one = door.come("192.0.2.1", 1), two = door.come("192.0.2.1", 2), three = door.come("192.0.2.1", 3);
    CHECK(one->let_in);
    CHECK(two->let_in);
    CHECK_FALSE(three->let_in);
    CHECK(three->peer->was_reset);
    CHECK(door.refused() == 1);
    CHECK(door.world.view.shared.clients_refused_total == 1);
    CHECK(door.come("192.0.2.2")->let_in);
}

TEST_CASE("accept: the share comes back when a connection goes; one that was refused has none to give") {
    entrance door{two_each};
    auto one = door.come("192.0.2.1"), two = door.come("192.0.2.1");
    door.come("192.0.2.1").reset();
    CHECK_FALSE(door.come("192.0.2.1")->let_in);
    one.reset();
    auto again = door.come("192.0.2.1");
    CHECK(again->let_in);
    CHECK_FALSE(door.come("192.0.2.1")->let_in);
}

TEST_CASE("accept: a customer's IPv6 network is one client") {
    entrance door{two_each};
    auto one = door.come("2001:db8::1"), two = door.come("2001:db8::2");
    CHECK_FALSE(door.come("2001:db8::3")->let_in);
    CHECK(door.come("2001:db8:0:1::1")->let_in);
}

TEST_CASE("accept: who comes too often is turned away, until the rate allows it again") {
    entrance door{"listen 127.0.0.1:1 { connection_rate 2 per=10s; route / web; } "
                  "backend web { server 127.0.0.1:9001; }"};
    CHECK(door.come("192.0.2.1")->let_in);
    CHECK(door.come("192.0.2.1")->let_in);
    const auto third = door.come("192.0.2.1");
    CHECK_FALSE(third->let_in);
    CHECK(third->peer->was_reset);
    const auto& counts = door.world.worker.numbers.refused_total;
    CHECK(counts[static_cast<std::size_t>(reason::rate_limited)].value() == 1);
    CHECK(door.world.view.shared.clients_refused_total == 1);
    CHECK(door.come("192.0.2.2")->let_in);
    door.time.advance(4999ms);
    CHECK_FALSE(door.come("192.0.2.1")->let_in);
    door.time.advance(1ms);
    CHECK(door.come("192.0.2.1")->let_in);
    CHECK_FALSE(door.come("192.0.2.1")->let_in);
}

TEST_CASE("accept: without a limit nothing is counted") {
    entrance door{proxy_world::plain};
    std::vector<std::unique_ptr<entrance::visitor>> all;
    for (int i = 0; i < 20; ++i) all.push_back(door.come("192.0.2.1"));
    CHECK(std::ranges::all_of(all, &entrance::visitor::let_in));
    CHECK(door.world.view.shared.clients.clients() == 0);
}

TEST_CASE("accept: who has left is forgotten", "[property]") {
    rc::prop("for any coming and going", [](const std::vector<std::uint8_t>& moves) {
        entrance door{two_each};
        std::vector<std::unique_ptr<entrance::visitor>> here;
        std::map<int, int> open;
        std::vector<int> who;
        for (const auto move : moves) {
            if (move % 3 == 0 && !here.empty()) {
                const auto i = static_cast<std::ptrdiff_t>(move / 3 % here.size());
                --open[who[static_cast<std::size_t>(i)]];
                here.erase(here.begin() + i);
                who.erase(who.begin() + i);
                continue;
            }
            const int client = move / 3 % 4;
            auto visitor = door.come("192.0.2." + std::to_string(client));
            RC_ASSERT(visitor->let_in == (open[client] < 2));
            if (!visitor->let_in) continue;
            ++open[client];
            who.push_back(client);
            here.push_back(std::move(visitor));
        }
        here.clear();
        RC_ASSERT(door.world.view.shared.clients.clients() == 0u);
        RC_ASSERT(door.world.worker.numbers.connections_open.value() == 0);
    });
}
