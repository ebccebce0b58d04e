#pragma once
/// What has been sent of a request's body, kept for a second try.
///
///     r.replay.allow(64 * 1024);          // this request may be repeated: keep up to so many bytes
///     r.replay.keep(piece);               // sent
///     if (r.replay.whole()) send(r.replay.bytes());
///
/// A body that outgrows its share is let go of at once: then there is no second try, which is no error. Without allow() nothing
/// is kept. The memory of all of them together is bounded by the number of requests in flight times the share.
#include <string>
#include <string_view>

namespace weir {

class replay_buffer {
public:
    void allow(std::size_t most) noexcept { most_ = most; }
    void keep(std::string_view sent) {
        if (lost_) return;
        if (sent.size() <= most_ - kept_.size()) {
            kept_.append(sent);
        } else {
            let_go();
        }
    }
    /// Something was sent that cannot be kept.
    void let_go() noexcept {
        lost_ = true;
        std::string{}.swap(kept_);
    }
    /// Everything that was sent is here.
    bool whole() const noexcept { return !lost_; }
    std::string_view bytes() const noexcept { return kept_; }

private:
    std::size_t most_ = 0;
    bool lost_ = false;
    std::string kept_;
};

}  // namespace weir
