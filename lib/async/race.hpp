#pragma once
/// `race`: several operations at once, the first result wins and the losers are destroyed. `timeout`: a race against the
/// clock. (To wait for every one of several, spawn them in a scope: scope.hpp.)
///
///     auto first = co_await race(read_head(server), client.closed());       // std::variant, index tells who won
///     if (first.index() == 1) co_return client_left();
///
///     auto head = co_await timeout(time, 15s, read_head(server));           // std::optional
///     if (!head) co_return too_late();
///
/// A branch is a task or one of this library's awaiters: anything movable with await_ready, await_suspend (true: suspended),
/// await_resume and settled(). It is moved in, so name it or not, it is used up. Branches start in order; if one is done at
/// once, those after it never start. A result of void is std::monostate.
///
/// When two are done in the same turn, no result is lost: a task that has run to its end wins (its result cannot be given
/// back), else the branch named first does, and the others undo theirs (a permit or a channel's item goes back, a byte
/// stream keeps its bytes). An awaiter that cannot undo says so with `bool holds_result() const`, as a task does; then it
/// must be complete only while the coroutine that it resumes runs.
///
/// No frame of its own: a branch wakes the racing coroutine itself. Deadlines are absolute (`timeout_at`), so a wait that
/// is made anew in a loop is never extended.
#include <cassert>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "lib/async/loop.hpp"

namespace weir {

template <class A>
using result_of = decltype(std::declval<A&>().await_resume());

namespace detail {
template <class T>
using not_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class A>
not_void<result_of<A>> take_result(A& settled) {
    if constexpr (std::is_void_v<result_of<A>>) {
        settled.await_resume();
        return {};
    } else {
        return settled.await_resume();
    }
}

template <class A>
bool holds_result(const A& branch) noexcept {
    if constexpr (requires { branch.holds_result(); }) return branch.holds_result();
    else return false;
}

/// Runs `f` on every way out, a branch's exception included.
template <class F>
struct at_exit {
    explicit at_exit(F then) : f{std::move(then)} {}
    at_exit(const at_exit&) = delete;
    at_exit& operator=(const at_exit&) = delete;
    ~at_exit() { f(); }
    F f;
};
}  // namespace detail

template <class... As>
class [[nodiscard]] race_awaiter {
public:
    using value_type = std::variant<detail::not_void<result_of<As>>...>;

    explicit race_awaiter(As&&... branches) : branches_{std::optional<As>{std::move(branches)}...} {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) { return start<0>(parent); }
    value_type await_resume() {
        // Now, not when the awaiter dies: a loser must not resume whoever keeps a race in a variable.
        const detail::at_exit losers_go{[this] { std::apply([](auto&... each) { (each.reset(), ...); }, branches_); }};
        if (winner_ == none) winner_ = first_that([](const auto& each) { return detail::holds_result(each); });
        if (winner_ == none) winner_ = first_that([](const auto& each) { return each.settled(); });
        return take<0>();
    }
    bool settled() const noexcept {
        return first_that([](const auto& each) { return each.settled(); }) != none;
    }
    bool holds_result() const noexcept {
        return first_that([](const auto& each) { return detail::holds_result(each); }) != none;
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    template <std::size_t I>
    bool start(std::coroutine_handle<> parent) {
        if constexpr (I == sizeof...(As)) {
            return true;
        } else {
            auto& mine = *std::get<I>(branches_);
            if (mine.await_ready() || !mine.await_suspend(parent)) {
                winner_ = I;
                return false;
            }
            return start<I + 1>(parent);
        }
    }
    template <std::size_t I = 0, class P>
    std::size_t first_that(P is) const noexcept {
        if constexpr (I == sizeof...(As)) return none;
        else return is(*std::get<I>(branches_)) ? I : first_that<I + 1>(is);
    }
    template <std::size_t I>
    value_type take() {
        if constexpr (I == sizeof...(As)) {
            assert(false && "a race was resumed, but no branch is settled");
            std::unreachable();
        } else {
            if (I == winner_) return value_type{std::in_place_index<I>, detail::take_result(*std::get<I>(branches_))};
            return take<I + 1>();
        }
    }

    std::tuple<std::optional<As>...> branches_;
    std::size_t winner_ = none;
};

template <class... As>
    requires(sizeof...(As) > 1)
race_awaiter<std::remove_cvref_t<As>...> race(As&&... branches) {
    return race_awaiter<std::remove_cvref_t<As>...>{std::move(branches)...};
}

/// nullopt when the time is up first; std::optional<std::monostate> for an operation without a result.
template <class A>
class [[nodiscard]] timeout_awaiter {
public:
    using value_type = std::optional<detail::not_void<result_of<A>>>;

    timeout_awaiter(loop& time, time_point deadline, A&& inner)
        : inner_{std::move(inner)}, clock_{std::in_place, time, deadline} {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) {
        at_once_ = inner_->await_ready() || !inner_->await_suspend(parent);
        if (at_once_ || clock_->await_ready()) return false;
        return clock_->await_suspend(parent);
    }
    value_type await_resume() {
        const detail::at_exit disarmed{[this] {
            inner_.reset();
            clock_.reset();
        }};
        value_type result;
        if (at_once_ || inner_->settled()) result.emplace(detail::take_result(*inner_));
        return result;
    }
    bool settled() const noexcept { return inner_->settled() || clock_->settled(); }
    bool holds_result() const noexcept { return detail::holds_result(*inner_); }

private:
    std::optional<A> inner_;
    std::optional<loop::sleep_awaiter> clock_;
    bool at_once_ = false;
};

template <class A>
timeout_awaiter<std::remove_cvref_t<A>> timeout_at(loop& time, time_point deadline, A&& operation) {
    return {time, deadline, std::move(operation)};
}
template <class A>
timeout_awaiter<std::remove_cvref_t<A>> timeout(loop& time, nanoseconds limit, A&& operation) {
    return {time, time.after(limit), std::move(operation)};
}

}  // namespace weir
