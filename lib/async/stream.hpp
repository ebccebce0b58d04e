#pragma once
/// Asynchronous sequences: something with `value_type` and `next()`, which awaits to std::optional, nullopt at the end.
///
///     co_await for_each(std::move(names) | map(look_up) | buffer_unordered(time, 8) | filter(found), publish);
///     co_await for_each_concurrent(time, listener | take_until(draining), 20'000, serve);
///
/// Lazy: nothing runs until somebody asks for the next item, which is the backpressure. Combinators hold what they are
/// and terminal operations hold what they are applied to: an rvalue by value, an lvalue by reference (then it must outlive
/// them). One next() at a time.
///
/// Cancelling a next() loses no item, in any combinator here, provided the source keeps that promise (channels, mailboxes,
/// listeners and these sources do). Functions given to map and filter run synchronously between two suspensions; a
/// function that returns a task is run by buffer_unordered or for_each_concurrent.
/// Vocabulary: Rust's futures::stream. Sources: iterate, ticks; channels, mailboxes and listeners are streams themselves.
#include <cassert>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/async/event.hpp"
#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"

namespace weir {

template <class S>
concept stream = requires(S& s) {
    typename S::value_type;
    s.next();
};

template <class S>
using item_of = typename std::remove_cvref_t<S>::value_type;

namespace detail {

/// An rvalue source is kept, an lvalue one referred to.
template <class S>
class held {
public:
    explicit held(S&& source) : source_{std::forward<S>(source)} {}
    auto next() { return source_.next(); }
    auto try_next()
        requires requires(S& source) { source.try_next(); }
    {
        return source_.try_next();
    }

private:
    S source_;  // S is `T` or `T&`
};

template <class Make>
struct adaptor {
    Make make;
    template <class S>
        requires stream<std::remove_cvref_t<S>>
    friend auto operator|(S&& source, adaptor self) {
        return self.make(held<S>{std::forward<S>(source)}, std::type_identity<item_of<S>>{});
    }
};
template <class Make>
adaptor<Make> make_adaptor(Make make) {
    return adaptor<Make>{std::move(make)};
}

}  // namespace detail

// Sources

/// The items of a container, in order.
template <class Container>
class iterate {
public:
    using value_type = typename Container::value_type;
    explicit iterate(Container items) : items_{std::move(items)}, at_{items_.begin()} {}
    iterate(iterate&& other) noexcept : iterate{std::move(other.items_)} {}  // only before the first next()

    struct [[nodiscard]] awaiter {
        explicit awaiter(iterate& of) noexcept : from{&of} {}
        bool await_ready() const noexcept { return true; }
        bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
        std::optional<value_type> await_resume() {
            if (from->at_ == from->items_.end()) return std::nullopt;
            return std::optional<value_type>{std::move(*from->at_++)};
        }
        bool settled() const noexcept { return true; }
        iterate* from;
    };
    awaiter next() noexcept { return awaiter{*this}; }

private:
    Container items_;
    typename Container::iterator at_;
};

/// The time, every `every`, for ever; the first after one interval. A slow consumer misses ticks, they do not pile up.
class ticks {
public:
    using value_type = time_point;
    ticks(loop& time, nanoseconds every) noexcept : loop_{&time}, every_{every}, next_{time.after(every)} {
        assert(every > 0ns);
    }

    task<std::optional<time_point>> next() {
        co_await loop_->sleep_until(next_);
        next_ += ((loop_->now() - next_) / every_ + 1) * every_;
        co_return loop_->now();
    }

private:
    loop* loop_;
    nanoseconds every_;
    time_point next_;
};

// Combinators

template <class S, class T, class F>
class map_stream {
public:
    using value_type = std::invoke_result_t<F&, T>;
    map_stream(S source, F f) : source_{std::move(source)}, f_{std::move(f)} {}
    task<std::optional<value_type>> next() {
        auto item = co_await source_.next();
        if (!item) co_return std::nullopt;
        co_return f_(std::move(*item));
    }

private:
    S source_;
    F f_;
};

/// Each item through `f`.
template <class F>
auto map(F f) {
    return detail::make_adaptor([f = std::move(f)]<class S, class T>(S source, std::type_identity<T>) mutable {
        return map_stream<S, T, F>{std::move(source), std::move(f)};
    });
}

template <class S, class T, class P>
class filter_stream {
public:
    using value_type = T;
    filter_stream(S source, P keep) : source_{std::move(source)}, keep_{std::move(keep)} {}
    task<std::optional<T>> next() {
        while (true) {
            auto item = co_await source_.next();
            if (!item || keep_(std::as_const(*item))) co_return item;
        }
    }

private:
    S source_;
    P keep_;
};

/// Only the items that `keep` says yes to.
template <class P>
auto filter(P keep) {
    return detail::make_adaptor([keep = std::move(keep)]<class S, class T>(S source, std::type_identity<T>) mutable {
        return filter_stream<S, T, P>{std::move(source), std::move(keep)};
    });
}

template <class S, class T>
class take_stream {
public:
    using value_type = T;
    take_stream(S source, std::size_t count) : source_{std::move(source)}, left_{count} {}
    task<std::optional<T>> next() {
        if (left_ == 0) co_return std::nullopt;
        auto item = co_await source_.next();
        left_ = item ? left_ - 1 : 0;
        co_return item;
    }

private:
    S source_;
    std::size_t left_;
};

/// The first `count` items; the source is not asked for more.
inline auto take(std::size_t count) {
    return detail::make_adaptor([count]<class S, class T>(S source, std::type_identity<T>) {
        return take_stream<S, T>{std::move(source), count};
    });
}

template <class S, class T>
class take_until_stream {
public:
    using value_type = T;
    take_until_stream(S source, event& stop) : source_{std::move(source)}, stop_{&stop} {}
    task<std::optional<T>> next() {
        if (stopped_ || stop_->is_set()) {
            stopped_ = true;
            co_return std::nullopt;
        }
        auto first = co_await race(source_.next(), stop_->wait());
        if (first.index() == 0) co_return std::get<0>(std::move(first));
        stopped_ = true;
        co_return std::nullopt;
    }

private:
    S source_;
    event* stop_;
    bool stopped_ = false;  // remembered: somebody may clear the event
};

/// Items until `stop` is set, which ends the stream at once and for good, even while it waits.
inline auto take_until(event& stop) {
    return detail::make_adaptor([&stop]<class S, class T>(S source, std::type_identity<T>) {
        return take_until_stream<S, T>{std::move(source), stop};
    });
}

template <class S, class T>
class throttle_stream {
public:
    using value_type = T;
    throttle_stream(S source, loop& time, nanoseconds interval)
        : source_{std::move(source)}, loop_{&time}, interval_{interval}, next_{time.now()} {}
    task<std::optional<T>> next() {
        co_await loop_->sleep_until(next_);
        auto item = co_await source_.next();
        next_ = loop_->after(interval_);
        co_return item;
    }

private:
    S source_;
    loop* loop_;
    nanoseconds interval_;
    time_point next_;
};

/// At most one item per interval; the first at once. The source waits, nothing is dropped.
inline auto throttle(loop& time, nanoseconds interval) {
    return detail::make_adaptor([&time, interval]<class S, class T>(S source, std::type_identity<T>) {
        return throttle_stream<S, T>{std::move(source), time, interval};
    });
}

template <class S, class T>
class chunks_stream {
public:
    using value_type = std::vector<T>;
    chunks_stream(S source, loop& time, std::size_t size, nanoseconds within)
        : source_{std::move(source)}, loop_{&time}, size_{size}, within_{within} {
        assert(size > 0);
    }
    task<std::optional<std::vector<T>>> next() {
        if (chunk_.empty()) {
            auto first = co_await source_.next();
            if (!first) co_return std::nullopt;
            chunk_.push_back(std::move(*first));
            full_by_ = loop_->after(within_);
        }
        while (chunk_.size() < size_) {
            if constexpr (requires { source_.try_next(); }) {  // what is there already needs no waiting
                if (auto item = source_.try_next()) {
                    chunk_.push_back(std::move(*item));
                    continue;
                }
            }
            auto item = co_await timeout_at(*loop_, full_by_, source_.next());
            if (!item || !*item) break;
            chunk_.push_back(std::move(**item));
        }
        co_return std::exchange(chunk_, {});
    }

private:
    S source_;
    loop* loop_;
    std::size_t size_;
    nanoseconds within_;
    time_point full_by_{};
    std::vector<T> chunk_;  // a member, so that a cancelled next() keeps what it has
};

/// Up to `size` items at a time, fewer when `within` has passed since the first of them or at the end; never empty.
inline auto chunks(loop& time, std::size_t size, nanoseconds within) {
    return detail::make_adaptor([&time, size, within]<class S, class T>(S source, std::type_identity<T>) {
        return chunks_stream<S, T>{std::move(source), time, size, within};
    });
}

template <class S, class T>
class buffer_unordered_stream {
public:
    using value_type = typename T::value_type;  // T is a task
    buffer_unordered_stream(S source, loop& time, std::size_t limit)
        : state_{std::make_unique<state>(std::move(source), time, limit)} {
        assert(limit > 0);
    }

    task<std::optional<value_type>> next() {
        auto& my = *state_;
        while (true) {
            if (!my.done.empty()) {
                std::optional<value_type> result{std::move(my.done.front())};
                my.done.pop_front();
                co_return result;
            }
            if (my.source_ended && my.running.empty()) co_return std::nullopt;
            my.progress.clear();
            if (my.source_ended || my.running.size() >= my.limit) {
                co_await my.progress.wait();
                continue;
            }
            auto first = co_await race(my.source.next(), my.progress.wait());
            if (first.index() == 1) continue;
            auto& work = std::get<0>(first);
            if (work) my.running.spawn(run(my, std::move(*work)));
            else my.source_ended = true;
        }
    }

private:
    struct state {
        state(S from, loop& time, std::size_t at_once)
            : source{std::move(from)}, limit{at_once}, progress{time}, running{time} {}
        S source;
        std::size_t limit;
        bool source_ended = false;
        std::deque<value_type> done;  // at most `limit`: we start nothing while there is one
        event progress;
        scope running;  // last: its children refer to the rest
    };
    static task<void> run(state& my, T work) {
        auto result = co_await work;
        my.done.push_back(std::move(result));
        my.progress.set();
    }
    std::unique_ptr<state> state_;
};

/// The source's items are tasks: runs up to `limit` of them at once and gives their results as they complete. They run on
/// between two next(), but new ones begin only inside. They must not throw.
inline auto buffer_unordered(loop& time, std::size_t limit) {
    return detail::make_adaptor([&time, limit]<class S, class T>(S source, std::type_identity<T>) {
        return buffer_unordered_stream<S, T>{std::move(source), time, limit};
    });
}

// Terminal operations

namespace detail {

template <class S, class F>
task<void> consume(S source, F f) {
    while (auto item = co_await source.next()) f(std::move(*item));
}

template <class S, class F>
task<void> consume_concurrently(loop& time, S source, std::size_t limit, F handler) {
    assert(limit > 0);
    scope running{time};
    while (true) {
        co_await running.at_most(limit - 1);
        auto item = co_await source.next();
        if (!item) break;
        running.spawn(handler(std::move(*item)));
    }
    co_await running.joined();
}

template <class T, class S>
task<std::vector<T>> gather(S source) {
    std::vector<T> items;
    while (auto item = co_await source.next()) items.push_back(std::move(*item));
    co_return items;
}

}  // namespace detail

/// Calls `f` with each item, in order.
template <class S, class F>
    requires stream<std::remove_cvref_t<S>>
task<void> for_each(S&& source, F f) {
    return detail::consume(detail::held<S>{std::forward<S>(source)}, std::move(f));
}

/// Runs `handler(item)`, a task, for up to `limit` items at once, and asks for the next item only when there is room.
/// Ends when the source has ended and every handler is done; cancelling it cancels the handlers.
template <class S, class F>
    requires stream<std::remove_cvref_t<S>>
task<void> for_each_concurrent(loop& time, S&& source, std::size_t limit, F handler) {
    detail::held<S> kept{std::forward<S>(source)};
    return detail::consume_concurrently(time, std::move(kept), limit, std::move(handler));
}

/// All items.
template <class S>
    requires stream<std::remove_cvref_t<S>>
task<std::vector<item_of<S>>> collect(S&& source) {
    return detail::gather<item_of<S>>(detail::held<S>{std::forward<S>(source)});
}

}  // namespace weir
