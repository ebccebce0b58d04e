#include "proxy/replay.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("replay: keeps what was sent, up to its share; beyond it nothing") {
    replay_memory all;
    replay_buffer body;
    body.allow(10, all);
    body.keep("12345");
    body.keep("");
    body.keep("67890");
    CHECK(body.whole());
    CHECK(body.bytes() == "1234567890");
    CHECK(all.held() == 10);
    body.keep("x");
    CHECK_FALSE(body.whole());
    CHECK(body.bytes().empty());
    CHECK(all.held() == 0);
    CHECK(all.refused() == 0);  // its own share was too small, not the room for all
}

TEST_CASE("replay: without leave nothing is kept") {
    replay_buffer body;
    CHECK(body.whole());
    body.keep("1");
    CHECK_FALSE(body.whole());
}

TEST_CASE("replay: all together keep no more than there is room for") {
    replay_memory all;
    all.set_limit(100);
    replay_buffer first;
    first.allow(80, all);
    first.keep(std::string(60, 'a'));
    {
        replay_buffer second;
        second.allow(80, all);
        second.keep(std::string(40, 'b'));
        CHECK(second.whole());
        second.keep("c");
        CHECK_FALSE(second.whole());
        CHECK(all.refused() == 1);
        CHECK(all.held() == 60);
        replay_buffer third;
        third.allow(80, all);
        third.keep(std::string(40, 'd'));
        CHECK(all.held() == 100);
    }
    CHECK(all.held() == 60);  // given back by those who are gone
    CHECK(first.whole());
}
