#include "lib/net/byte_stream.hpp"

#include <cassert>
#include <cstring>

#include "lib/net/kernel_tls.hpp"

namespace weir {

bool io_error::is_reset() const noexcept { return code == ECONNRESET || code == EPIPE || code == ETIMEDOUT; }

std::string_view io_error::text() const noexcept {
    switch (code) {
    case broken: return "an earlier write was abandoned";
    case truncated: return "the connection ended without a TLS close_notify";
    case bad_layer: return "a TLS error";
    case given_up: return "given up for want of memory";
    default: return strerrordesc_np(code);
    }
}

std::string_view byte_stream::peer_text() const {
    if (peer_text_.empty()) peer_.append_to(peer_text_);
    return peer_text_;
}

std::string_view byte_stream::peer_ip_text() const {
    auto text = peer_text();
    if (!peer_.is_inet()) return text;
    text = text.substr(0, text.rfind(':'));
    return text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
}

// Reading

bool byte_stream::fill_awaiter::await_ready() noexcept {
    auto& s = *stream_;
    had_ = s.in_.size();
    if (s.layer_ && s.layer_->has_more()) {  // from the wire already
        if (s.in_.full()) s.in_.grow();
        if (s.open_through_layer({})) return settled_ = true;
    }
    if (!s.at_end() && s.try_reading_first_) {
        s.try_reading_first_ = false;
        const auto space = s.read_space();
        const auto got = s.read_at_once(space);
        if (got > 0) s.in_.commit(static_cast<std::size_t>(got));
        else if (got == 0) s.eof_ = true;
        else if (got != -EAGAIN) s.read_error_ = static_cast<int>(-got);
        s.in_.trim();
        settled_ = got != -EAGAIN;
        return settled_;
    }
    return settled_ = s.at_end();
}

bool byte_stream::fill_awaiter::await_suspend(std::coroutine_handle<> parent) noexcept {
    assert(!stream_->filling_ && "one fill() at a time");
    waiter_.handle = parent;
    stream_->filling_ = this;
    if (stream_->in_.full()) stream_->in_.grow();
    stream_->want_bytes();
    return true;
}

io_result<std::size_t> byte_stream::fill_awaiter::await_resume() const noexcept {
    const auto now = stream_->in_.size();
    if (now > had_) return now - had_;
    if (stream_->read_error_) return io_failure(stream_->read_error_);
    return 0;
}

bool byte_stream::closed_awaiter::await_suspend(std::coroutine_handle<> parent) noexcept {
    waiter_.handle = parent;
    stream_->waiting_for_close_ = &waiter_;
    if (!stream_->in_.full()) stream_->want_bytes();
    return true;
}

void byte_stream::want_bytes() noexcept {
    if (reading_) return;
    if (layer_ && layer_->has_more()) return;  // that first
    reading_ = true;
    start_reading();
}

void byte_stream::pause_reading() noexcept {
    if (!reading_) return;
    reading_ = false;
    stop_reading();
}

std::span<char> byte_stream::read_space() {
    if (!layer_) return in_.space(preferred_bytes());
    if (!context_.wire_in) context_.wire_in = std::make_unique_for_overwrite<char[]>(stream_context::wire_bytes);
    return {context_.wire_in.get(), preferred_bytes()};
}

void byte_stream::received(std::size_t bytes) noexcept {
    if (layer_) {
        if (bytes == 0) wire_ended();
        else if (!open_through_layer({context_.wire_in.get(), bytes})) return;  // no whole record yet
    } else if (bytes > 0) {
        in_.commit(bytes);
        if (in_.full()) pause_reading();
    } else {
        eof_ = true;
        reading_ = false;
        in_.trim();
    }
    wake_readers();
}

// Through a layer

void byte_stream::add_layer(std::unique_ptr<stream_layer> layer) {
    assert(!filling_ && !waiting_for_close_ && !writing_ && !layer_);
    layer_ = std::move(layer);
    layer_->keep(in_.view());
    in_.release();
    if (layer_->has_more()) pause_reading();
}

/// True if anything came of it: bytes in in_, or an end.
bool byte_stream::open_through_layer(std::string_view wire) noexcept {
    bool news = false;
    while (true) {
        const auto space = in_.space(preferred_bytes());
        const auto made = space.empty() ? 0 : layer_->open(wire, space);
        if (made == 0) break;
        in_.commit(made);
        news = true;
    }
    in_.trim();
    layer_->keep(wire);
    if (layer_->has_more()) pause_reading();  // in_ is full
    if (layer_->incoming() != stream_layer::state::open && !layer_->has_more() && !at_end()) {
        pause_reading();
        news = true;
        if (layer_->incoming() == stream_layer::state::ended) {
            eof_ = true;
        } else {
            read_error_ = io_error::bad_layer;
            if (!write_pending_ && !write_ended_) {
                context_.wire_out.clear();
                layer_->append_own(context_.wire_out);
                if (!context_.wire_out.empty())
                    try_write(context_.wire_out, {});  // a last word; whether it arrives is all one
            }
        }
    }
    return news;
}

void byte_stream::wire_ended() noexcept {
    reading_ = false;
    if (!at_end()) read_error_ = io_error::truncated;
}

/// Turns both into what has to be sent for them, valid until the next call for any stream of this worker. False: it could
/// not be done.
bool byte_stream::seal(std::string_view& first, std::string_view& second) noexcept {
    if (!layer_) return true;
    if (kernel_seals_) return layer_->incoming() != stream_layer::state::broken;
    auto& wire = context_.wire_out;
    wire.clear();
    if (!layer_->seal(first, second, wire)) return false;
    first = wire;
    second = {};
    return true;
}

bool byte_stream::seal_in_kernel() noexcept {
    if (kernel_seals_) return true;
    if (!layer_ || write_pending_ || write_broken_ || write_ended_ || wire_descriptor() < 0) return false;
    return kernel_seals_ = layer_->seal_in_kernel(wire_descriptor());
}

/// True: the sending half will be ended, too.
bool byte_stream::say_goodbye() noexcept {
    if (!layer_ || write_pending_ || write_broken_ || write_ended_ || read_error_ > 0) return false;
    if (kernel_seals_) {
        if (context_.partings.size() >= context_.most_partings) return false;
        context_.partings.spawn(kernel_tls::part(time(), wire_descriptor()));
        return true;
    }
    context_.wire_out.clear();
    layer_->seal_end(context_.wire_out);
    if (!context_.wire_out.empty()) try_write(context_.wire_out, {});
    return false;
}

void byte_stream::shutdown_write() noexcept {
    const bool parting = say_goodbye();
    write_ended_ = true;
    if (!parting) shut_down();
}

void byte_stream::reset_on_close() noexcept {
    write_ended_ = true;
    prepare_reset();
}

void byte_stream::read_failed(int error) noexcept {
    in_.trim();
    read_error_ = error;
    pause_reading();
    wake_readers();
}

void byte_stream::wake_readers() noexcept {
    if (filling_) {
        filling_->settled_ = true;
        time().post(filling_->waiter_);
        filling_ = nullptr;
    }
    if (at_end() && waiting_for_close_) {
        time().post(*waiting_for_close_);
        waiting_for_close_ = nullptr;
    }
    if (idle_watcher_) idle_watcher_->on_stirred(*this);  // may dispose of us: last
}

void byte_stream::watch_idle(idle_watcher& watcher) noexcept {
    idle_watcher_ = &watcher;
    if (!at_end()) want_bytes();
}

void byte_stream::end_reading() noexcept {
    pause_reading();
    eof_ = true;
    wake_readers();
}

// Writing

bool byte_stream::write_awaiter::await_ready() {
    auto& s = *stream_;
    if (deadline_ <= s.time().now()) return true;
    if (s.write_broken_ || s.write_pending_) {
        error_ = io_error::broken;
        return settled_ = true;
    }
    batches_ = s.context_.writes.has_room(first_.size() + second_.size());
    return settled_ = !batches_ && try_sending();
}

bool byte_stream::write_awaiter::try_sending() noexcept {
    if (first_.size() + second_.size() > 0 && !stream_->seal(first_, second_)) {
        error_ = io_error::bad_layer;
        return true;
    }
    const auto written = stream_->try_write(first_, second_);
    if (written < 0 && written != -EAGAIN) {
        error_ = static_cast<int>(-written);
        return true;
    }
    const auto done = written < 0 ? 0 : static_cast<std::size_t>(written);
    began_ = done > 0;
    if (done == first_.size() + second_.size()) return true;
    const auto of_first = std::min(done, first_.size());
    first_.remove_prefix(of_first);
    second_.remove_prefix(done - of_first);
    return false;
}

bool byte_stream::write_awaiter::await_suspend(std::coroutine_handle<> parent) {
    handle = parent;
    stream_->writing_ = this;
    stream_->write_pending_ = true;
    if (batches_) {
        stream_->context_.writes.add(*this, first_, second_);
    } else {
        queue();
    }
    return true;
}

void byte_stream::write_awaiter::abandon() noexcept {
    auto& s = *stream_;
    s.writing_ = nullptr;
    if (queued_) {
        s.write_broken_ = true;
    } else {
        s.write_pending_ = false;
        s.context_.writes.take_back(*this);
    }
}

void byte_stream::write_awaiter::send() noexcept {
    first_ = batched_;
    second_ = {};
    if (try_sending()) return stream_->write_finished(error_);
    queue();
}

void byte_stream::write_awaiter::queue() {
    queued_ = true;
    stream_->queued_bytes_ = first_.size() + second_.size();
    if (deadline_ != time_point::max()) clock_.emplace(stream_->time(), deadline_).await_suspend(handle);
    stream_->queue_write(first_, second_);
}

io_result<> byte_stream::write_awaiter::await_resume() const noexcept {
    if (error_) return std::unexpected{io_error{error_, !began_ && !queued_}};
    return {};
}

void byte_stream::write_finished(int error) noexcept {
    write_pending_ = false;
    queued_bytes_ = 0;
    if (!writing_) return;
    writing_->error_ = error;
    writing_->settled_ = true;
    writing_->clock_.reset();
    time().post(*writing_);
    writing_ = nullptr;
}

void byte_stream::give_up() noexcept {
    reset_on_close();
    if (!at_end()) read_failed(io_error::given_up);
    if (!writing_ || !writing_->queued_) return;
    write_broken_ = true;
    write_finished(io_error::given_up);
}

void byte_stream::let_go() noexcept {
    assert(!filling_ && !waiting_for_close_ && !writing_ && "a stream dies before those who wait for it");
    say_goodbye();
    in_.release();
    unlink();
}

}  // namespace weir
