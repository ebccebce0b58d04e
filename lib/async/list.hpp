#pragma once
/// Intrusive doubly linked list: a node unlinks itself when it dies, which is what makes "cancelling is destroying" cheap.
///
///     struct entry : list_node { int value; };
///     list<entry> queue;
///     queue.push_back(e);          // no allocation; `e` must stay where it is while it is linked
///
/// A node is in at most one list. Neither type is thread-safe.
#include <cassert>

namespace weir {

class list_node {
public:
    list_node() = default;
    list_node(list_node&& other) noexcept {
        assert(!other.linked());
        (void)other;
    }
    list_node& operator=(list_node&&) = delete;
    ~list_node() { unlink(); }

    bool linked() const noexcept { return next_ != nullptr; }
    void unlink() noexcept {
        if (!next_) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        prev_ = next_ = nullptr;
    }

private:
    template <class T> friend class list;
    list_node* prev_ = nullptr;
    list_node* next_ = nullptr;
};

template <class T>
class list {
public:
    list() noexcept { head_.prev_ = head_.next_ = &head_; }
    list(const list&) = delete;
    list& operator=(const list&) = delete;
    ~list() {
        while (!empty()) front().unlink();
        head_.prev_ = head_.next_ = nullptr;  // so that the sentinel's own destructor leaves it alone
    }

    bool empty() const noexcept { return head_.next_ == &head_; }
    T& front() noexcept { return *static_cast<T*>(head_.next_); }

    void push_back(T& item) noexcept { insert_before(head_, item); }
    T& pop_front() noexcept {
        auto& first = front();
        first.unlink();
        return first;
    }
    /// `then` may not change the list.
    template <class F>
    void for_each(F then) {
        for (auto* node = head_.next_; node != &head_; node = node->next_) then(*static_cast<T*>(node));
    }
    /// Moves every node of `other` to our end.
    void take_all(list& other) noexcept {
        if (other.empty()) return;
        list_node* first = other.head_.next_;
        list_node* last = other.head_.prev_;
        other.head_.prev_ = other.head_.next_ = &other.head_;
        first->prev_ = head_.prev_;
        head_.prev_->next_ = first;
        last->next_ = &head_;
        head_.prev_ = last;
    }

private:
    static void insert_before(list_node& at, list_node& item) noexcept {
        assert(!item.linked());
        item.prev_ = at.prev_;
        item.next_ = &at;
        at.prev_->next_ = &item;
        at.prev_ = &item;
    }
    list_node head_;
};

}  // namespace weir
