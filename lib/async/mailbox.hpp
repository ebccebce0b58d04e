#pragma once
/// Actors: state that one task owns, a bounded mailbox in front of it, and handles to post to it from any thread.
///
///     struct get   { std::string key; reply_to<std::string> answer; };
///     struct drain { milliseconds grace; };
///     using message = std::variant<get, drain>;
///
///     task<void> actor(mailbox<message>& inbox) {                 // the owner's loop; the state is its locals
///         while (auto m = co_await inbox.next()) ...              // one message at a time
///     }
///     inbox.post(drain{5s});                                      // any thread; false: full or closed, counted
///     auto value = co_await ask<std::string>(loop, [&](auto reply) { return inbox.post(get{"k", std::move(reply)}); });
///
/// Bounded: a full mailbox refuses, it never blocks the poster. `ask` gives nullopt when the message was refused or the
/// actor dropped it unanswered; an asker that is destroyed meanwhile is simply not there when the answer comes.
/// The mailbox must outlive its posters and its receiver, and every asking loop the actors it asked and their mailboxes.
#include <atomic>
#include <cassert>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "lib/async/loop.hpp"

namespace weir {

template <class M>
class mailbox {
public:
    using value_type = M;

    mailbox(loop& owner, std::size_t capacity) : loop_{&owner}, capacity_{capacity} {}
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    /// From any thread. False: not accepted.
    bool post(M message) {
        {
            const std::lock_guard lock{mutex_};
            if (closed_ || items_.size() >= capacity_) {
                refused_.fetch_add(1, std::memory_order_relaxed);
                return false;
            }
            items_.push_back(std::move(message));
            if (items_.size() > 1) return true;  // the owner has been told
        }
        loop_->call_from_other_thread([this, alive = std::weak_ptr{alive_}] {
            if (alive.lock()) wake();
        });
        return true;
    }

    /// On the owner's loop: accept nothing more; what is inside can still be received.
    void close() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        wake();
    }

    std::size_t size() const {
        const std::lock_guard lock{mutex_};
        return items_.size();
    }
    std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

    /// On the owner's loop, one receiver at a time: the next message, nullopt when closed and empty. Cancelling loses nothing.
    class [[nodiscard]] awaiter {
    public:
        explicit awaiter(mailbox& of) noexcept : mailbox_{&of} {}
        awaiter(awaiter&& other) noexcept : mailbox_{other.mailbox_} {}
        ~awaiter() {
            if (mailbox_->receiver_ == &waiter_) mailbox_->receiver_ = nullptr;
        }
        bool await_ready() const { return mailbox_->has_news(); }
        bool await_suspend(std::coroutine_handle<> parent) noexcept {
            assert(!mailbox_->receiver_ && "one receiver at a time");
            waiter_.handle = parent;
            mailbox_->receiver_ = &waiter_;
            return true;
        }
        std::optional<M> await_resume() { return mailbox_->take(); }
        bool settled() const { return mailbox_->has_news(); }

    private:
        mailbox* mailbox_;
        waiter waiter_;
    };
    awaiter next() noexcept { return awaiter{*this}; }

private:
    bool has_news() const {
        const std::lock_guard lock{mutex_};
        return closed_ || !items_.empty();
    }
    std::optional<M> take() {
        const std::lock_guard lock{mutex_};
        if (items_.empty()) return std::nullopt;
        std::optional<M> first{std::move(items_.front())};
        items_.pop_front();
        return first;
    }
    /// The news that brought us here may have been received meanwhile without waiting.
    void wake() {
        if (receiver_ && has_news()) loop_->post(*std::exchange(receiver_, nullptr));
    }

    loop* loop_;
    std::size_t capacity_;
    mutable std::mutex mutex_;
    std::deque<M> items_;
    bool closed_ = false;
    std::atomic<std::uint64_t> refused_ = 0;
    waiter* receiver_ = nullptr;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

namespace detail {
template <class T>
struct reply_slot {
    explicit reply_slot(loop& whose) : asker{&whose} {}
    loop* asker;
    waiter* waiting = nullptr;  // only on the asker's loop; null once the asker is gone
    std::optional<T> value;     // written before `settled`, read after
    bool settled = false;       // only on the asker's loop
};
}  // namespace detail

/// The actor's end of a question: answer at most once. Dropped unanswered, the asker gets nullopt.
template <class T>
class reply_to {
public:
    explicit reply_to(std::shared_ptr<detail::reply_slot<T>> slot) noexcept : slot_{std::move(slot)} {}
    reply_to(reply_to&&) noexcept = default;
    reply_to& operator=(reply_to&& other) noexcept {
        if (this != &other) {
            settle(std::nullopt);
            slot_ = std::move(other.slot_);
        }
        return *this;
    }
    ~reply_to() { settle(std::nullopt); }
    void operator()(T value) { settle(std::optional<T>{std::move(value)}); }

private:
    void settle(std::optional<T> value) {
        if (!slot_) return;
        auto slot = std::exchange(slot_, nullptr);
        auto* asker = slot->asker;
        asker->call_from_other_thread([slot = std::move(slot), value = std::move(value)]() mutable {
            slot->value = std::move(value);
            slot->settled = true;
            if (slot->waiting) slot->asker->post(*slot->waiting);
        });
    }
    std::shared_ptr<detail::reply_slot<T>> slot_;
};

template <class T>
class [[nodiscard]] ask_awaiter {
public:
    template <class Post>
    ask_awaiter(loop& asker, Post&& post) : slot_{std::make_shared<detail::reply_slot<T>>(asker)} {
        if (!post(reply_to<T>{slot_})) slot_->settled = true;
    }
    ask_awaiter(ask_awaiter&&) noexcept = default;
    ~ask_awaiter() {
        if (slot_) slot_->waiting = nullptr;
    }
    bool await_ready() const noexcept { return slot_->settled; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
        waiter_.handle = parent;
        slot_->waiting = &waiter_;
        return true;
    }
    std::optional<T> await_resume() noexcept { return std::move(slot_->value); }
    bool settled() const noexcept { return slot_->settled; }

private:
    std::shared_ptr<detail::reply_slot<T>> slot_;
    waiter waiter_;
};

/// Posts a question at once, resumes on `asker` when the answer is there. `post` gets a reply_to<T> and says whether it
/// was accepted.
template <class T, class Post>
ask_awaiter<T> ask(loop& asker, Post&& post) {
    return ask_awaiter<T>{asker, std::forward<Post>(post)};
}

}  // namespace weir
