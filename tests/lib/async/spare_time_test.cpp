#include "lib/async/spare_time.hpp"

#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("spare time: there is none until somebody of low priority had a fifth of his time") {
    spare_time judge;
    CHECK_FALSE(judge.left());
    judge.nice_had(50ms, 9ms);
    CHECK_FALSE(judge.left());
    judge.nice_had(50ms, 10ms);
    CHECK(judge.left());
}

TEST_CASE("spare time: it is gone when the idle thread had less than a tenth") {
    spare_time judge;
    judge.nice_had(50ms, 50ms);
    judge.idle_had(100ms, 10ms);
    CHECK(judge.left());
    judge.idle_had(100ms, 9ms);
    CHECK_FALSE(judge.left());
    judge.nice_had(50ms, 50ms);
    CHECK(judge.left());
}

TEST_CASE("spare time: is not judged by a moment, only by a whole window, and each window by itself") {
    spare_time judge;
    judge.nice_had(49ms, 49ms);
    CHECK_FALSE(judge.left());
    judge.nice_had(1ms, 0ms);
    CHECK(judge.left());
    judge.idle_had(99ms, 0ms);
    CHECK(judge.left());
    judge.idle_had(11ms, 11ms);  // 11 of 110
    CHECK(judge.left());
    judge.idle_had(95ms, 0ms);
    CHECK(judge.left());
    judge.idle_had(5ms, 5ms);
    CHECK_FALSE(judge.left());
}

TEST_CASE("spare time: only the one counts whose turn it is") {
    spare_time judge;
    judge.idle_had(1s, 1s);
    CHECK_FALSE(judge.left());
    judge.nice_had(50ms, 50ms);
    judge.nice_had(1s, 0s);
    CHECK(judge.left());
}
