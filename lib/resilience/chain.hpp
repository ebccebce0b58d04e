#pragma once
/// Intrusive doubly linked list by a member of its elements, so that one may be in several at a time.
///
///     struct person { links<person> by_age, by_name; };
///     chain<person, &person::by_age> ages;
///     ages.push_back(p);                   // no allocation; `p` must stay where it is and must not be in `ages` yet
///     for (auto* p = ages.front(); p; p = ages.after(*p)) ...
///
/// Unlike list (lib/async/list.hpp) it has two ends and can be walked, but an element does not leave by itself when it
/// dies. Not thread-safe.

namespace weir {

template <class T>
struct links {
    T* before = nullptr;
    T* after = nullptr;
};

template <class T, links<T> T::* member>
class chain {
public:
    bool empty() const noexcept { return !front_; }
    T* front() const noexcept { return front_; }
    T* back() const noexcept { return back_; }
    static T* before(const T& item) noexcept { return (item.*member).before; }
    static T* after(const T& item) noexcept { return (item.*member).after; }

    void push_back(T& item) noexcept {
        (item.*member) = {.before = back_};
        (back_ ? (back_->*member).after : front_) = &item;
        back_ = &item;
    }
    void push_front(T& item) noexcept {
        (item.*member) = {.after = front_};
        (front_ ? (front_->*member).before : back_) = &item;
        front_ = &item;
    }
    void remove(T& item) noexcept {
        const auto [before, after] = item.*member;
        (before ? (before->*member).after : front_) = after;
        (after ? (after->*member).before : back_) = before;
    }

private:
    T* front_ = nullptr;
    T* back_ = nullptr;
};

}  // namespace weir
