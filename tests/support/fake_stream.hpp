#pragma once
/// A connection without a network: a byte_stream for the code under test, and its other end in the hands of the test.
///
///     virtual_loop time;
///     stream_context context{time};
///     auto [stream, peer] = fake_stream::make(context);
///     peer->send("GET / HTTP/1.1\r\n");              // arrives when the code reads
///     peer->window = 100;                            // takes no more than 100 bytes until open()ed
///     peer->finish();                                // end of stream; break_off(ECONNRESET): an error
///     CHECK(peer->received == "...");                // what the code wrote
///     CHECK(peer->was_reset);                        // how it closed
///
/// Belongs to one loop, real or virtual. The peer may outlive the stream.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "lib/async/event.hpp"
#include "lib/async/task.hpp"
#include "lib/net/byte_stream.hpp"

namespace weir::testing {

class fake_stream;

class fake_peer {
public:
    explicit fake_peer(loop& time) : news_{time} {}

    void send(std::string_view bytes);
    void finish();
    void break_off(int error);
    /// Takes `more` bytes than before.
    void open(std::size_t more = std::numeric_limits<std::size_t>::max());

    /// Waits until the code has written `text`, which must live that long; false if the connection ended before.
    task<bool> heard(std::string_view text) {
        while (received.find(text) == std::string::npos) {
            if (closed) co_return false;
            news_.clear();
            co_await news_.wait();
        }
        co_return true;
    }

    std::string received;
    std::size_t window = std::numeric_limits<std::size_t>::max();  // how much `received` may grow to
    int write_error = 0;                                           // what a write meets
    bool half_closed = false;                                      // shutdown_write()
    bool was_reset = false;                                        // reset_on_close()
    bool closed = false;                                           // the stream is gone

private:
    friend class fake_stream;
    fake_stream* stream_ = nullptr;
    std::string to_send_;
    bool finished_ = false;
    int error_ = 0;
    event news_;
};

class fake_stream final : public byte_stream {
public:
    using pair = std::pair<stream_ptr, std::shared_ptr<fake_peer>>;
    static pair make(stream_context& context, address peer = {}) {
        auto far = std::make_shared<fake_peer>(context.time);
        auto* made = new fake_stream{context, std::move(peer), far};
        far->stream_ = made;
        return {stream_ptr{made}, far};
    }

private:
    friend class fake_peer;
    fake_stream(stream_context& context, address peer, std::shared_ptr<fake_peer> far)
        : byte_stream{context, std::move(peer)}, far_{std::move(far)} {}

    void shut_down() noexcept override {
        far_->half_closed = true;
        far_->news_.set();
    }
    void prepare_reset() noexcept override { far_->was_reset = true; }
    void start_reading() noexcept override {
        active_ = true;
        deliver();
    }
    void stop_reading() noexcept override { active_ = false; }
    void deliver() noexcept {
        auto& from = *far_;
        while (active_ && !from.to_send_.empty()) {
            const auto space = read_space();
            const auto n = std::min(space.size(), from.to_send_.size());
            std::memcpy(space.data(), from.to_send_.data(), n);
            from.to_send_.erase(0, n);
            received(n);  // may pause us, or dispose of us where an idle connection is watched
            if (from.closed) return;
        }
        if (!active_ || (!from.finished_ && !from.error_)) return;
        active_ = false;
        if (from.error_) read_failed(from.error_);
        else received(0);
    }

    std::ptrdiff_t try_write(std::string_view first, std::string_view second) noexcept override {
        if (far_->write_error) return -far_->write_error;
        const auto before = far_->received.size();
        for (const auto part : {first, second}) far_->received.append(part.substr(0, room()));
        const auto taken = far_->received.size() - before;
        if (taken > 0) far_->news_.set();
        return taken > 0 || first.size() + second.size() == 0 ? static_cast<std::ptrdiff_t>(taken) : -EAGAIN;
    }
    void queue_write(std::string_view first, std::string_view second) override {
        queued_.assign(first).append(second);
        writing_ = true;
    }
    void flush() {
        if (!writing_) return;
        const auto taken = far_->write_error ? 0 : std::min(room(), queued_.size());
        far_->received.append(queued_, 0, taken);
        queued_.erase(0, taken);
        if (taken > 0) far_->news_.set();
        if (!queued_.empty() && !far_->write_error) return;
        writing_ = false;
        write_finished(far_->write_error);
    }
    std::size_t room() const noexcept {
        return far_->window > far_->received.size() ? far_->window - far_->received.size() : 0;
    }
    void dispose() noexcept override {
        let_go();
        far_->stream_ = nullptr;
        far_->closed = true;
        far_->news_.set();
        delete this;
    }

    std::shared_ptr<fake_peer> far_;
    std::string queued_;
    bool active_ = false;
    bool writing_ = false;
};

inline void fake_peer::send(std::string_view bytes) {
    to_send_.append(bytes);
    if (stream_) stream_->deliver();
}
inline void fake_peer::finish() {
    finished_ = true;
    if (stream_) stream_->deliver();
}
inline void fake_peer::break_off(int error) {
    error_ = error;
    write_error = error;
    if (!stream_) return;
    stream_->flush();
    stream_->deliver();
}
inline void fake_peer::open(std::size_t more) {
    window = more > std::numeric_limits<std::size_t>::max() - window ? std::numeric_limits<std::size_t>::max()
                                                                     : window + more;
    if (stream_) stream_->flush();
}

}  // namespace weir::testing
