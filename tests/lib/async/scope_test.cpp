#include "lib/async/scope.hpp"

#include <memory>
#include <set>
#include <string>

#include "lib/async/race.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct mark {
    mark(std::string& out, char name) : log{&out}, c{name} {}
    mark(const mark&) = delete;
    ~mark() { *log += c; }
    std::string* log;
    char c;
};

task<void> child(loop& time, std::string& log, char name, nanoseconds lives) {
    const mark gone{log, name};
    co_await time.sleep(lives);
}
task<void> join(scope& children, bool& joined) {
    co_await children.joined();
    joined = true;
}

}  // namespace

TEST_CASE("scope: a child starts at once and leaves when it ends") {
    virtual_loop time;
    std::string gone;
    scope work{time};
    work.spawn(child(time, gone, 'a', 0s));
    CHECK(gone == "a");
    CHECK(work.empty());
    work.spawn(child(time, gone, 'b', 2s));
    work.spawn(child(time, gone, 'c', 1s));
    CHECK(work.size() == 2);
    CHECK(time.statistics.tasks_live == 2);
    CHECK(time.statistics.tasks_spawned == 3);
    time.advance(1s);
    CHECK(gone == "ac");
    time.advance(1s);
    CHECK(gone == "acb");
    CHECK(work.empty());
    CHECK(time.statistics.tasks_live == 0);
}

TEST_CASE("scope: its end destroys the children in the order they were spawned") {
    virtual_loop time;
    std::string gone;
    {
        scope work{time};
        for (const char name : {'a', 'b', 'c'}) work.spawn(child(time, gone, name, 1h));
    }
    CHECK(gone == "abc");
    CHECK(time.statistics.tasks_live == 0);
    CHECK(time.idle());
}

TEST_CASE("scope: joined() waits for all, at_most() for enough") {
    virtual_loop time;
    std::string gone;
    scope work{time};
    for (int i = 1; i <= 4; ++i) work.spawn(child(time, gone, 'x', std::chrono::seconds{i}));
    const auto wait = [](scope& children, std::size_t left) -> task<void> { co_await children.at_most(left); };
    {
        running two{time, wait(work, 2)};
        time.advance(1s);
        CHECK_FALSE(two.done());
        time.advance(1s);
        CHECK(two.done());
    }
    running all{time, wait(work, 0)};
    time.advance(1s);
    CHECK_FALSE(all.done());
    work.cancel();
    time.settle();
    CHECK(all.done());
}

TEST_CASE("scope: somebody woken by joined() is woken once, though children come and go before he dies") {
    virtual_loop time;
    std::string gone;
    scope work{time};
    work.spawn(child(time, gone, 'a', 1s));
    const auto body = [](loop& clock, scope& children, std::string& log) -> task<void> {
        auto joined = children.joined();
        co_await joined;
        children.spawn(child(clock, log, 'b', 1s));
        co_await clock.sleep(1h);
        log += 'z';
    };
    running it{time, body(time, work, gone)};
    time.advance(10s);
    CHECK(gone == "ab");
    CHECK_FALSE(it.done());
}

TEST_CASE("scope: a join in a race survives a child that is spawned before its turn") {
    virtual_loop time;
    std::string gone;
    scope work{time};
    work.spawn(child(time, gone, 'a', 1s));
    const auto body = [](loop& clock, scope& children) -> task<std::size_t> {
        auto first = co_await race(children.joined(), clock.sleep(5s));
        co_return first.index();
    };
    const auto spawner = [](loop& clock, scope& children, std::string& log) -> task<void> {
        co_await clock.sleep(1s);
        co_await clock.yield();  // between the last child's end and the join's turn, in some order
        children.spawn(child(clock, log, 'b', 1h));
    };
    running it{time, body(time, work)};
    running other{time, spawner(time, work, gone)};
    time.advance(5s);
    REQUIRE(it.done());
    CHECK(it.get() == 0);
}

TEST_CASE("scope: may die before whoever waits for it has had its turn") {
    virtual_loop time;
    std::string gone;
    bool joined = false;
    auto work = std::make_unique<scope>(time);
    work->spawn(child(time, gone, 'a', 1h));
    running waits{time, join(*work, joined)};
    work.reset();
    time.settle();
    CHECK(joined);
}

TEST_CASE("scope: counts are right whatever is spawned, ends and is cancelled", "[property]") {
    rc::prop("against a sorted list of ends", [](const std::vector<std::uint8_t>& script) {
        virtual_loop time;
        std::string gone;
        scope work{time};
        std::multiset<time_point> ends;
        for (const auto byte : script) {
            if (byte % 3 == 0) {
                time.advance(milliseconds{byte});
                ends.erase(ends.begin(), ends.upper_bound(time.now()));
            } else if (byte == 1) {
                work.cancel();
                ends.clear();
            } else {
                work.spawn(child(time, gone, 'x', milliseconds{byte}));
                ends.insert(time.now() + milliseconds{byte});
            }
            RC_ASSERT(work.size() == ends.size());
            RC_ASSERT(time.statistics.tasks_live == ends.size());
            RC_ASSERT(gone.size() + ends.size() == time.statistics.tasks_spawned);
        }
    });
}

namespace {

struct family {
    explicit family(virtual_loop& clock) : time{clock} {}
    task<void> branch(int depth) {
        scope children{time};
        for (int i = 0; i < 2 && depth > 0; ++i) children.spawn(branch(depth - 1));
        co_await time.sleep(milliseconds{depth + 1});
        co_await children.at_most(1);
        co_await children.joined();
    }
    task<void> run() {
        co_await branch(2);
        co_await timeout(time, 2ms, branch(3));
    }
    virtual_loop& time;
};

}  // namespace

TEST_CASE("scope: a tree of scopes can be destroyed at any point") {
    CHECK(sweep<family>() > 5);
    sweep_with_delays<family>(20);
}
