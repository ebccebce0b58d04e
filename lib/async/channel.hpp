#pragma once
/// Bounded channel inside one loop: the type says what happens when it is full.
///
///     channel<std::string, when_full::wait>        lines{time, 64};   co_await lines.send(std::move(line));
///     channel<std::string, when_full::refuse>      lines{time, 64};   if (!lines.push(std::move(line))) ...
///     channel<std::string, when_full::drop_oldest> lines{time, 64};   lines.push(std::move(line)); lines.dropped();
///     while (auto line = co_await lines.next()) ...                   // nullopt: closed and empty
///
/// A channel is a stream (stream.hpp). Items arrive in the order they were accepted; waiting senders are served in the order
/// they came. A cancelled send() has not sent: a sender is given a place, and puts the item there when it resumes. A
/// cancelled next() loses nothing: an item that was handed over but not collected goes to the next receiver or back to the
/// front, in which case the channel may hold one more than its capacity for each receiver cancelled so.
/// Outlives its senders and receivers. Between threads use a mailbox (mailbox.hpp).
#include <cassert>
#include <deque>
#include <optional>
#include <utility>

#include "lib/async/loop.hpp"

namespace weir {

enum class when_full { wait, refuse, drop_oldest };

template <class T, when_full Policy>
class channel {
public:
    using value_type = T;

    /// `capacity` is at least 1.
    channel(loop& time, std::size_t capacity) : loop_{&time}, capacity_{capacity} { assert(capacity > 0); }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    std::size_t size() const noexcept { return items_.size(); }
    std::size_t capacity() const noexcept { return capacity_; }
    bool closed() const noexcept { return closed_; }
    /// Items lost to a full channel, since the beginning: refused or pushed out.
    std::uint64_t dropped() const noexcept { return dropped_; }

    /// No more items; those inside can still be received. Senders that wait are refused.
    void close() noexcept {
        closed_ = true;
        while (!receivers_.empty()) loop_->post(receivers_.front());
        while (!senders_.empty()) loop_->post(senders_.front());
    }

    /// False: not accepted (closed, or full and the policy is refuse).
    bool push(T item)
        requires(Policy != when_full::wait)
    {
        if (closed_) return false;
        if constexpr (Policy == when_full::refuse) {
            if (!has_room()) {
                ++dropped_;
                return false;
            }
        }
        while (!has_room()) {
            items_.pop_front();
            ++dropped_;
        }
        accept(std::move(item));
        return true;
    }

    /// The item accepted last, if it still waits: so that more can be added to it. Null when there is none.
    T* newest() noexcept { return items_.empty() ? nullptr : &items_.back(); }
    /// The next item if there is one; never waits.
    std::optional<T> try_next() { return take(); }

    class receive_awaiter;
    class send_awaiter;
    receive_awaiter next() noexcept { return receive_awaiter{*this}; }
    /// Resumes once there is room; false when the channel was closed.
    send_awaiter send(T item)
        requires(Policy == when_full::wait)
    {
        return send_awaiter{*this, std::move(item)};
    }

    class [[nodiscard]] receive_awaiter {
    public:
        explicit receive_awaiter(channel& from) noexcept : channel_{&from} {}
        receive_awaiter(receive_awaiter&& other) noexcept : channel_{other.channel_} {}
        ~receive_awaiter() {
            if (entry_.item) channel_->give_back(std::move(*entry_.item));
        }
        bool await_ready() {
            entry_.item = channel_->take();
            return entry_.item || channel_->closed_;
        }
        bool await_suspend(std::coroutine_handle<> parent) noexcept {
            entry_.handle = parent;
            channel_->receivers_.push_back(entry_);
            return true;
        }
        std::optional<T> await_resume() {
            if (entry_.item) return std::exchange(entry_.item, std::nullopt);
            return channel_->take();  // closed; but another receiver may have given one back since
        }
        bool settled() const noexcept { return entry_.item || channel_->closed_; }

    private:
        friend class channel;
        struct entry : waiter {
            std::optional<T> item;
        };
        channel* channel_;
        entry entry_;
    };

    class [[nodiscard]] send_awaiter {
    public:
        send_awaiter(channel& to, T item) : channel_{&to}, item_{std::move(item)} {}
        send_awaiter(send_awaiter&& other) noexcept : channel_{other.channel_}, item_{std::move(other.item_)} {}
        ~send_awaiter() {
            if (entry_.place) channel_->leave_place();
        }
        bool await_ready() noexcept {
            if (channel_->closed_) return true;
            if (!channel_->has_room()) return false;
            ++channel_->places_given_;
            return entry_.place = true;
        }
        bool await_suspend(std::coroutine_handle<> parent) noexcept {
            entry_.handle = parent;
            channel_->senders_.push_back(entry_);
            return true;
        }
        bool await_resume() {
            if (channel_->closed_) return false;
            channel_->accept(std::move(item_));
            entry_.place = false;
            channel_->leave_place();
            return true;
        }
        bool settled() const noexcept { return entry_.place || channel_->closed_; }

    private:
        friend class channel;
        struct entry : waiter {
            bool place = false;
        };
        channel* channel_;
        T item_;
        entry entry_;
    };

private:
    bool has_room() const noexcept { return items_.size() + places_given_ < capacity_; }
    void accept(T&& item) {
        if (!hand_over(item)) items_.push_back(std::move(item));
    }
    bool hand_over(T& item) {
        if (receivers_.empty()) return false;
        auto& receiver = receivers_.front();
        receiver.item.emplace(std::move(item));
        loop_->post(receiver);
        return true;
    }
    std::optional<T> take() {
        if (items_.empty()) return std::nullopt;
        std::optional<T> first{std::move(items_.front())};
        items_.pop_front();
        admit_senders();
        return first;
    }
    void give_back(T&& item) {
        if (!hand_over(item)) items_.push_front(std::move(item));
    }
    void leave_place() noexcept {
        --places_given_;
        admit_senders();
    }
    void admit_senders() noexcept {
        while (!senders_.empty() && has_room()) {
            auto& next = senders_.front();
            next.place = true;
            ++places_given_;
            loop_->post(next);
        }
    }

    loop* loop_;
    std::size_t capacity_;
    std::size_t places_given_ = 0;  // to senders that have not resumed yet
    bool closed_ = false;
    std::uint64_t dropped_ = 0;
    std::deque<T> items_;
    list<typename receive_awaiter::entry> receivers_;
    list<typename send_awaiter::entry> senders_;
};

}  // namespace weir
