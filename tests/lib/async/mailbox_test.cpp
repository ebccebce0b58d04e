#include "lib/async/mailbox.hpp"

#include <atomic>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/uv_loop.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct add {
    explicit add(int by) : amount{by} {}
    int amount;
};
struct get {
    explicit get(reply_to<int> to) : answer{std::move(to)} {}
    reply_to<int> answer;
};
struct forget {
    explicit forget(reply_to<int> to) : answer{std::move(to)} {}
    reply_to<int> answer;
};
struct quit {};
using message = std::variant<add, get, forget, quit>;

/// The state is a local; one message at a time.
task<int> counter(mailbox<message>& inbox) {
    int total = 0;
    while (auto m = co_await inbox.next()) {
        if (auto* more = std::get_if<add>(&*m)) total += more->amount;
        if (auto* question = std::get_if<get>(&*m)) question->answer(total);
        if (std::holds_alternative<quit>(*m)) break;
    }
    co_return total;
}
template <class Question>
task<std::optional<int>> ask_for(loop& time, mailbox<message>& whom) {
    co_return co_await ask<int>(time, [&](reply_to<int> reply) { return whom.post(Question{std::move(reply)}); });
}

}  // namespace

TEST_CASE("mailbox: messages arrive in order, a question gets its answer") {
    virtual_loop time;
    mailbox<message> inbox{time, 8};
    running actor{time, counter(inbox)};
    CHECK(inbox.post(add{2}));
    CHECK(inbox.post(add{3}));
    CHECK(run(time, ask_for<get>(time, inbox)) == std::optional{5});
    inbox.post(quit{});
    time.settle();
    CHECK(actor.done());
}

TEST_CASE("mailbox: full refuses and counts; closed gives what is inside and then ends") {
    virtual_loop time;
    mailbox<message> inbox{time, 2};
    CHECK(inbox.post(add{1}));
    CHECK(inbox.post(add{2}));
    CHECK_FALSE(inbox.post(add{4}));
    CHECK(inbox.refused() == 1);
    inbox.close();
    CHECK_FALSE(inbox.post(add{8}));
    running actor{time, counter(inbox)};
    REQUIRE(actor.done());
    CHECK(actor.get() == 3);
}

TEST_CASE("mailbox: news that were received without waiting do not wake the actor for nothing") {
    virtual_loop time;
    mailbox<message> inbox{time, 8};
    inbox.post(add{1});                   // the knock is on its way ...
    running actor{time, counter(inbox)};  // ... but the message is taken at once
    time.settle();
    CHECK_FALSE(actor.done());
    inbox.post(add{2});
    inbox.close();
    time.settle();
    REQUIRE(actor.done());
    CHECK(actor.get() == 3);
}

TEST_CASE("mailbox: a receiver kept in a variable is not woken a second time") {
    virtual_loop time;
    mailbox<int> inbox{time, 8};
    const auto body = [](loop& clock, mailbox<int>& from) -> task<int> {
        auto receive = from.next();
        auto first = co_await receive;
        co_await clock.sleep(1h);
        co_return *first;
    };
    running it{time, body(time, inbox)};
    inbox.post(1);
    time.settle();
    inbox.post(2);
    time.settle();
    CHECK_FALSE(it.done());
}

TEST_CASE("mailbox: a cancelled receive loses nothing") {
    virtual_loop time;
    mailbox<int> inbox{time, 8};
    const auto receive = [](mailbox<int>& from) -> task<std::optional<int>> { co_return co_await from.next(); };
    {
        running first{time, receive(inbox)};
        inbox.post(1);
    }
    CHECK(run(time, receive(inbox)) == std::optional{1});
}

TEST_CASE("ask: refused, dropped unanswered, or forgotten by an actor that dies is nullopt, not a hang") {
    virtual_loop time;
    mailbox<message> none{time, 0};
    CHECK_FALSE(run(time, ask_for<get>(time, none)));

    mailbox<message> inbox{time, 8};
    {
        running actor{time, counter(inbox)};
        CHECK_FALSE(run(time, ask_for<forget>(time, inbox)));
    }
    std::optional<reply_to<int>> kept;
    const auto question = [](loop& clock, std::optional<reply_to<int>>& keep) -> task<std::optional<int>> {
        co_return co_await ask<int>(clock, [&](reply_to<int> reply) {
            if (keep) *keep = std::move(reply);  // what it held is dropped by that
            else keep.emplace(std::move(reply));
            return true;
        });
    };
    running first{time, question(time, kept)}, second{time, question(time, kept)};
    time.settle();
    REQUIRE(first.done());
    CHECK_FALSE(first.get());
    CHECK_FALSE(second.done());
    (*kept)(9);
    time.settle();
    REQUIRE(second.done());
    CHECK(second.get() == std::optional{9});
}

TEST_CASE("ask: an asker that has gone is simply not there when the answer comes") {
    virtual_loop time;
    mailbox<message> inbox{time, 8};
    running asker{time, ask_for<get>(time, inbox)};
    asker.cancel();
    running actor{time, counter(inbox)};
    time.settle();
    CHECK_FALSE(actor.done());
}

TEST_CASE("mailbox: may die with a knock on its way") {
    virtual_loop time;
    {
        mailbox<int> inbox{time, 8};
        inbox.post(1);
    }
    time.settle();
}

TEST_CASE("mailbox: on real loops, questions across threads are each answered once") {
    constexpr int askers = 3, questions = 500;
    uv_loop home;
    mailbox<message> inbox{home, 4};  // small, so that some are refused
    std::atomic<int> accepted = 0, refused = 0, left = askers;
    std::vector<std::thread> threads;
    for (int t = 0; t < askers; ++t) {
        threads.emplace_back([&] {
            uv_loop mine;
            const auto body = [](uv_loop& time, mailbox<message>& whom, std::atomic<int>& ok,
                                 std::atomic<int>& no) -> task<void> {
                for (int i = 0; i < questions; ++i) {
                    if (whom.post(add{1})) ++ok;
                    const auto answer = co_await ask_for<get>(time, whom);
                    if (!answer) ++no;
                    if (i % 10 == 0)
                        co_await race(ask_for<get>(time, whom), time.yield());  // often gone before the answer
                }
                whom.post(add{0});
                // One that is answered proves that all answers to us have been sent: our loop may go.
                while (!co_await ask_for<get>(time, whom)) co_await time.yield();
                time.stop();
            };
            scope work{mine};
            work.spawn(body(mine, inbox, accepted, refused));
            mine.run();
            if (--left == 0) home.call_from_other_thread([&] { inbox.close(); });
        });
    }
    int total = 0;
    const auto actor = [](uv_loop& time, mailbox<message>& from, int& sum) -> task<void> {
        sum = co_await counter(from);
        time.stop();
    };
    {
        scope work{home};
        work.spawn(actor(home, inbox, total));
        home.run();
    }
    for (auto& each : threads) each.join();
    CHECK(total == accepted.load());
    CHECK(refused.load() <= askers * questions);
}

namespace {

struct conversation {
    explicit conversation(virtual_loop& clock) : time{clock}, inbox{clock, 2} {}
    task<void> ask_often() {
        for (int i = 0; i < 3; ++i) {
            inbox.post(add{1});
            co_await ask_for<get>(time, inbox);
            co_await timeout(time, 1ms, ask_for<forget>(time, inbox));
            co_await time.sleep(1ms);
        }
    }
    task<void> act() { co_await counter(inbox); }
    task<void> run() {
        scope both{time};
        both.spawn(act());
        both.spawn(ask_often());
        both.spawn(ask_often());
        co_await both.at_most(1);
        inbox.close();
        co_await both.joined();
    }
    virtual_loop& time;
    mailbox<message> inbox;
};

}  // namespace

TEST_CASE("mailbox: actor and askers can be destroyed at any point") {
    sweep<conversation>();
    sweep_with_delays<conversation>(20);
}
