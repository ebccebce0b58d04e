#pragma once
/// A connection as the proxy sees it: bytes in through a bounded read-ahead, bytes out with backpressure. What carries them
/// (a libuv socket, TLS, a simulated network) is behind a few virtual functions.
///
///     while (true) {
///         auto parsed = parse(client.in());                 // look first, then ask for more
///         if (complete(parsed)) break;
///         auto got = co_await client.fill();                // more bytes are in in()
///         if (!got || *got == 0) co_return left();          // error, or end of stream
///     }
///     client.consume(n);
///     if (auto sent = co_await client.write(head, body); !sent) co_return left();
///
/// Reading: bytes are kept until consumed, so a cancelled fill() loses nothing. While the buffer is full nothing is read from
/// the peer: that is the backpressure. One fill() at a time; closed() may wait beside it.
/// Writing: write() resumes when the kernel has taken every byte. What is small is sent at the end of this turn of the loop,
/// together with what others write (write_batch.hpp); what is large, at once if the kernel takes it. What has to wait is
/// copied, so the views need to live only until the awaiting coroutine is suspended: a worker may compose into one scratch
/// string. One write at a time. A write cancelled before the end of its turn has not happened; one that had to wait for the
/// peer leaves the stream unusable for writing (`broken`), since nobody knows how much went out: what remains is to dispose of
/// it.
/// Layer: with one (stream_layer.hpp), all of this speaks of what the layer makes of the wire's bytes. An end that the layer
/// was not told of is an error then, `truncated`: what came may not be all there was.
/// Lifetime: owned by a stream_ptr. Letting go closes the connection at once and nothing calls back; what libuv still holds
/// frees itself later. Belongs to one loop.
#include <cerrno>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/async/list.hpp"
#include "lib/async/loop.hpp"
#include "lib/async/scope.hpp"
#include "lib/net/address.hpp"
#include "lib/net/buffer.hpp"
#include "lib/net/stream_layer.hpp"
#include "lib/net/write_batch.hpp"

namespace weir {

class byte_stream;

/// What the streams of one worker share.
struct stream_context {
    explicit stream_context(loop& whose) noexcept : time{whose}, writes{whose}, partings{whose} {}
    loop& time;
    buffer_pool buffers;
    write_batch writes;

    /// For bytes between the wire and a layer; used within one call, never across two.
    static constexpr std::size_t wire_bytes = buffer_pool::large_bytes;
    std::unique_ptr<char[]> wire_in;  // there once a layer needs it
    std::string wire_out;

    list<byte_stream> open;
    bool small_buffers = false;  // no large read-ahead, even for bulk: memory is short
    scope partings;              // of streams that the kernel seals (kernel_tls.hpp): they may outlive the streams
    std::size_t most_partings = 1024;  // at once; one more ends without waiting until its peer has all of it
};

/// An errno value (positive), or one of those here.
struct io_error {
    int code = 0;
    bool nothing_sent = false;                 // of a write: the kernel took not one byte of it
    static constexpr int broken = 100'000;     // an earlier write was abandoned
    static constexpr int truncated = 100'001;  // the stream ended before the layer's own end
    static constexpr int bad_layer = 100'002;  // what came made no sense to the layer, or it can send no more
    static constexpr int given_up = 100'003;   // by give_up()
    bool is_reset() const noexcept;
    std::string_view text() const noexcept;
};
template <class T = void>
using io_result = std::expected<T, io_error>;
inline std::unexpected<io_error> io_failure(int code) { return std::unexpected<io_error>{io_error{code}}; }

class byte_stream : public list_node {
public:
    byte_stream(const byte_stream&) = delete;
    byte_stream& operator=(const byte_stream&) = delete;

    loop& time() const noexcept { return context_.time; }
    stream_context& context() const noexcept { return context_; }
    const address& peer() const noexcept { return peer_; }
    /// For a peer whose real address was told by a PROXY protocol header.
    void set_peer(address peer) noexcept {
        peer_ = std::move(peer);
        peer_text_.clear();
    }
    /// As text, written when first asked for: "192.0.2.7:4711", "[2001:db8::1]:4711"; and the address alone, without brackets.
    std::string_view peer_text() const;
    std::string_view peer_ip_text() const;
    virtual address local() const { return {}; }

    // Reading

    std::string_view in() const noexcept { return in_.view(); }
    void consume(std::size_t n) noexcept { in_.consume(n); }
    class fill_awaiter;
    /// Waits for bytes beyond those in in(): how many came, 0 at the end of the stream. A full buffer grows for it.
    fill_awaiter fill() noexcept;
    class closed_awaiter;
    /// Waits until the peer has closed its side or the connection broke. Bytes that arrive meanwhile stay in in().
    closed_awaiter closed() noexcept;
    /// Reading has begun, so bytes, an end or an error are noticed as they come.
    bool is_watched() const noexcept { return reading_; }
    bool at_end() const noexcept { return eof_ || read_error_ != 0; }
    /// Tells `watcher` when bytes arrive, the stream ends or breaks while nobody waits for any of that: for connections
    /// that lie idle by the thousand, where a waiting coroutine each would cost too much. It may dispose of the stream.
    struct idle_watcher {
        virtual void on_stirred(byte_stream& stream) noexcept = 0;

    protected:
        ~idle_watcher() = default;
    };
    void watch_idle(idle_watcher& watcher) noexcept;
    void stop_watching() noexcept { idle_watcher_ = nullptr; }
    /// What the socket holds at this moment, without reading it: true if neither bytes nor an end of stream.
    virtual bool is_quiet() const noexcept { return is_drained(); }
    /// All that came has been consumed, and no end was seen.
    bool is_drained() const noexcept { return !at_end() && in_.empty() && !(layer_ && layer_->has_more()); }
    /// Lets whoever waits for bytes find the end of the stream instead: how a drain ends idle connections.
    void end_reading() noexcept;
    /// Bytes that may be read ahead in one piece; larger for bulk.
    void expect_bulk(bool bulk) noexcept { bulk_ = bulk; }

    // Writing

    class write_awaiter;
    write_awaiter write(std::string_view first, std::string_view second = {}) noexcept;
    class timed_write_awaiter;
    /// The same with a deadline, as timeout_at() has it: nullopt when the time is up first. If it was up from the start, nothing
    /// has been written. A timer runs only for what has to wait for the peer, which little does.
    timed_write_awaiter write_until(time_point deadline, std::string_view first, std::string_view second = {}) noexcept;
    /// Half-close: the peer reads an end of stream, we can still read.
    void shutdown_write() noexcept;
    /// The next close tells the peer that something went wrong (RST) instead of ending the stream properly.
    void reset_on_close() noexcept;

    // A layer

    /// From here on bytes pass through it, those in in() too, which it takes. Nobody may be waiting for the stream.
    void add_layer(std::unique_ptr<stream_layer> layer);
    const stream_layer* layer() const noexcept { return layer_.get(); }
    /// Has the kernel do the layer's sealing from now on, so that bulk can be spliced into the socket. Whoever writes has had
    /// his write() done. True: it does.
    bool seal_in_kernel() noexcept;
    /// For an end at the next opportunity, see stream_layer::is_worn().
    bool is_worn() const noexcept { return kernel_seals_ && layer_->is_worn(); }

    // When memory is short

    /// Memory for bytes that were read ahead, or wait to be sent.
    std::size_t held_bytes() const noexcept { return in_.capacity() + queued_bytes_; }
    /// Whoever reads or writes fails with io_error::given_up, and the peer gets a reset when the stream is let go.
    void give_up() noexcept;

    // For those who move bytes past us (splice.hpp)

    /// The descriptor that gives what in() would get, or takes what write() takes; -1 where there is none to use (a layer, a
    /// simulation).
    int source_descriptor() const noexcept { return layer_ ? -1 : wire_descriptor(); }
    int sink_descriptor() const noexcept { return layer_ && !kernel_seals_ ? -1 : wire_descriptor(); }
    /// Nothing is read until the next fill() or closed().
    void pause_reading() noexcept;

    struct disposer {
        void operator()(byte_stream* stream) const noexcept { stream->dispose(); }
    };

protected:
    byte_stream(stream_context& context, address peer) noexcept
        : context_{context}, peer_{std::move(peer)}, in_{context.buffers} {
        context.open.push_back(*this);
    }
    virtual ~byte_stream() = default;

    // What carries the bytes does this:
    virtual void start_reading() noexcept = 0;
    virtual void stop_reading() noexcept = 0;
    /// Bytes taken, or a negative errno; -EAGAIN when it would have to wait.
    virtual std::ptrdiff_t try_write(std::string_view first, std::string_view second) noexcept = 0;
    /// Takes what try_write() left, copies it, and calls write_finished() later.
    virtual void queue_write(std::string_view first, std::string_view second) = 0;
    /// Reads once without waiting, where that is worth trying before the first wait: bytes, 0 at the end, negative errno.
    virtual std::ptrdiff_t read_at_once(std::span<char>) noexcept { return -EAGAIN; }
    virtual int wire_descriptor() const noexcept { return -1; }
    virtual void shut_down() noexcept = 0;      // the sending half
    virtual void prepare_reset() noexcept = 0;  // reset_on_close()
    /// Closes, and frees itself when nothing refers to it any more.
    virtual void dispose() noexcept = 0;

    // And it calls these, from the loop:
    std::span<char> read_space();
    void received(std::size_t bytes) noexcept;  // 0: the end of the stream
    void read_failed(int error) noexcept;
    void write_finished(int error) noexcept;
    /// read_space() was asked for, but there was nothing to read.
    void received_nothing() noexcept { in_.trim(); }
    /// No awaiter is resumed any more; the buffer goes back, and the layer says goodbye. First thing in dispose().
    void let_go() noexcept;

private:
    friend class fill_awaiter;
    friend class closed_awaiter;
    friend class write_awaiter;
    void wake_readers() noexcept;
    void want_bytes() noexcept;
    std::size_t preferred_bytes() const noexcept {
        return bulk_ && !context_.small_buffers ? buffer_pool::large_bytes : buffer_pool::small_bytes;
    }
    bool open_through_layer(std::string_view wire) noexcept;
    void wire_ended() noexcept;
    bool seal(std::string_view& first, std::string_view& second) noexcept;
    bool say_goodbye() noexcept;

    stream_context& context_;
    address peer_;
    mutable std::string peer_text_;  // empty: not asked for yet
    read_buffer in_;
    std::unique_ptr<stream_layer> layer_;
    fill_awaiter* filling_ = nullptr;
    waiter* waiting_for_close_ = nullptr;
    write_awaiter* writing_ = nullptr;
    idle_watcher* idle_watcher_ = nullptr;
    std::size_t queued_bytes_ = 0;  // of a write that waits for the peer
    int read_error_ = 0;
    bool eof_ = false;
    bool reading_ = false;
    bool write_pending_ = false;
    bool write_broken_ = false;
    bool write_ended_ = false;  // half-closed, or to be reset
    bool bulk_ = false;
    bool kernel_seals_ = false;

protected:
    bool try_reading_first_ = false;  // read_at_once() before the first wait
};

using stream_ptr = std::unique_ptr<byte_stream, byte_stream::disposer>;

class [[nodiscard]] byte_stream::fill_awaiter {
public:
    explicit fill_awaiter(byte_stream& of) noexcept : stream_{&of} {}
    fill_awaiter(fill_awaiter&& other) noexcept : stream_{other.stream_} {}
    ~fill_awaiter() {
        if (stream_->filling_ == this) stream_->filling_ = nullptr;
    }
    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> parent) noexcept;
    io_result<std::size_t> await_resume() const noexcept;
    bool settled() const noexcept { return settled_; }

private:
    friend class byte_stream;
    byte_stream* stream_;
    waiter waiter_;
    std::size_t had_ = 0;
    bool settled_ = false;
};

class [[nodiscard]] byte_stream::closed_awaiter {
public:
    explicit closed_awaiter(byte_stream& of) noexcept : stream_{&of} {}
    closed_awaiter(closed_awaiter&& other) noexcept : stream_{other.stream_} {}
    ~closed_awaiter() {
        if (stream_->waiting_for_close_ == &waiter_) stream_->waiting_for_close_ = nullptr;
    }
    bool await_ready() const noexcept { return stream_->at_end(); }
    bool await_suspend(std::coroutine_handle<> parent) noexcept;
    void await_resume() const noexcept {}
    bool settled() const noexcept { return stream_->at_end(); }

private:
    byte_stream* stream_;
    waiter waiter_;
};

class [[nodiscard]] byte_stream::write_awaiter : batched_write {
public:
    write_awaiter(byte_stream& to, std::string_view first, std::string_view second,
                  time_point deadline = time_point::max()) noexcept
        : stream_{&to}, first_{first}, second_{second}, deadline_{deadline} {}
    write_awaiter(write_awaiter&& other) noexcept
        : batched_write{}, stream_{other.stream_}, first_{other.first_}, second_{other.second_},
          deadline_{other.deadline_} {}
    ~write_awaiter() {
        if (stream_->writing_ == this) abandon();
    }
    bool await_ready();
    bool await_suspend(std::coroutine_handle<> parent);
    io_result<> await_resume() const noexcept;
    bool settled() const noexcept { return settled_; }

protected:
    /// Nobody waits any longer.
    void let_be() noexcept {
        clock_.reset();
        if (stream_->writing_ == this) abandon();
    }

private:
    friend class byte_stream;
    void send() noexcept final;
    /// Sends what can be sent without waiting; false if something is left, which is then in first_ and second_.
    bool try_sending() noexcept;
    void abandon() noexcept;
    void queue();

    byte_stream* stream_;
    std::string_view first_, second_;
    time_point deadline_;
    std::optional<loop::sleep_awaiter> clock_;  // while the peer is waited for
    int error_ = 0;
    bool settled_ = false;
    bool batches_ = false;
    bool began_ = false;   // some of it went out without waiting
    bool queued_ = false;  // the rest was left to libuv: how much of it went out before an error, nobody knows
};

class [[nodiscard]] byte_stream::timed_write_awaiter final : public write_awaiter {
public:
    using write_awaiter::write_awaiter;
    std::optional<io_result<>> await_resume() noexcept {
        if (settled()) return write_awaiter::await_resume();
        let_be();
        return std::nullopt;
    }
};

inline byte_stream::fill_awaiter byte_stream::fill() noexcept { return fill_awaiter{*this}; }
inline byte_stream::closed_awaiter byte_stream::closed() noexcept { return closed_awaiter{*this}; }
inline byte_stream::write_awaiter byte_stream::write(std::string_view first, std::string_view second) noexcept {
    return {*this, first, second};
}
inline byte_stream::timed_write_awaiter byte_stream::write_until(time_point deadline, std::string_view first,
                                                                 std::string_view second) noexcept {
    return {*this, first, second, deadline};
}

}  // namespace weir
