#pragma once
/// A queue in which keys take turns: a line for each key, the lines served round robin, each in the order of its coming.
///
///     fair_queue<job> waiting;
///     waiting.push(key, job);
///     if (waiting.size() > most)
///         if (auto greediest = waiting.push_out(key)) refuse(*greediest);
///     run(waiting.pop());
///
/// Nagle, "On Packet Switches with Infinite Storage" (RFC 970), section 7; pushing out of the longest line: Demers, Keshav and Shenker,
/// "Analysis and Simulation of a Fair Queueing Algorithm", 1989. One who asks a hundred times as often waits behind himself only.
/// push and pop take constant time, push_out and remove_if the time to look at each line. Not thread-safe.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace weir {

template <class T>
class fair_queue {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    void push(std::uint64_t key, T item) {
        const auto [found, is_new] = by_key_.try_emplace(key);
        if (is_new) found->second = lines_.insert(lines_.end(), line{key, {}});
        found->second->items.push_back(std::move(item));
        ++size_;
    }

    /// The oldest of the line whose turn it is. There must be one.
    T pop() {
        const auto turn = lines_.begin();
        T item = std::move(turn->items.front());
        turn->items.pop_front();
        --size_;
        if (turn->items.empty()) drop(turn);
        else lines_.splice(lines_.end(), lines_, turn);
        return item;
    }

    /// Takes the newest of the longest line out, if that line is longer than `newcomer`'s; nothing: nobody is greedier.
    std::optional<T> push_out(std::uint64_t newcomer) {
        auto longest = lines_.end();
        for (auto each = lines_.begin(); each != lines_.end(); ++each)
            if (longest == lines_.end() || each->items.size() > longest->items.size()) longest = each;
        const auto own = by_key_.find(newcomer);
        const auto own_length = own == by_key_.end() ? 0 : own->second->items.size();
        if (longest == lines_.end() || longest->items.size() <= own_length) return std::nullopt;
        std::optional<T> item{std::move(longest->items.back())};
        longest->items.pop_back();
        --size_;
        if (longest->items.empty()) drop(longest);
        return item;
    }

    /// Takes out all of which `is` is true, and hands each to `to`.
    template <class P, class F>
    void remove_if(P is, F to) {
        for (auto each = lines_.begin(); each != lines_.end();) {
            const auto here = each++;
            std::deque<T> wanted;
            for (auto& item : here->items) {
                if (!is(item)) {
                    wanted.push_back(std::move(item));
                    continue;
                }
                --size_;
                to(std::move(item));
            }
            here->items.swap(wanted);
            if (here->items.empty()) drop(here);
        }
    }

private:
    struct line {
        std::uint64_t key;
        std::deque<T> items;  // oldest first; never empty
    };
    void drop(typename std::list<line>::iterator which) {
        by_key_.erase(which->key);
        lines_.erase(which);
    }
    std::list<line> lines_;  // in the order of their turns
    std::unordered_map<std::uint64_t, typename std::list<line>::iterator> by_key_;
    std::size_t size_ = 0;
};

}  // namespace weir
