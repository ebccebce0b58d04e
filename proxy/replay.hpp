#pragma once
/// What has been sent of a request's body, kept for a second try.
///
///     replay_memory all;                          // of the process
///     r.replay.allow(64 * 1024, all);             // this request may be repeated: keep up to so many bytes
///     r.replay.keep(piece);                       // sent
///     if (r.replay.whole()) send(r.replay.bytes());
///
/// A body that outgrows its share, or for which there is no room beside all the others, is let go of at once: then there is no
/// second try, which is no error. Without allow() nothing is kept.
#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace weir {

/// The bytes that all requests together keep, and may keep. Any thread; only counts, the bytes are theirs.
class replay_memory {
public:
    /// Before the first request; without it there is no limit.
    void set_limit(std::uint64_t bytes) noexcept { limit_ = bytes; }
    bool take(std::uint64_t bytes) noexcept {
        if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
        held_.fetch_sub(bytes, std::memory_order_relaxed);
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    void give_back(std::uint64_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }

    std::uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
    std::uint64_t limit() const noexcept { return limit_; }
    /// How often there was no room.
    std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

private:
    std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
    std::atomic<std::uint64_t> held_{0}, refused_{0};
};

class replay_buffer {
public:
    replay_buffer() = default;
    replay_buffer(const replay_buffer&) = delete;
    ~replay_buffer() {
        if (!kept_.empty()) all_->give_back(kept_.size());
    }

    /// `all` must outlive this.
    void allow(std::size_t most, replay_memory& all) noexcept {
        most_ = most;
        all_ = &all;
    }
    void keep(std::string_view sent) {
        if (lost_ || sent.empty()) return;
        if (sent.size() <= most_ - kept_.size() && all_->take(sent.size())) kept_.append(sent);
        else let_go();
    }
    /// Something was sent that cannot be kept.
    void let_go() noexcept {
        lost_ = true;
        if (!kept_.empty()) all_->give_back(kept_.size());
        std::string{}.swap(kept_);
    }
    /// Everything that was sent is here.
    bool whole() const noexcept { return !lost_; }
    std::string_view bytes() const noexcept { return kept_; }

private:
    std::size_t most_ = 0;
    replay_memory* all_ = nullptr;  // with allow()
    bool lost_ = false;
    std::string kept_;
};

}  // namespace weir
