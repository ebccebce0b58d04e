#pragma once
/// One connection of the origin server: reads requests, does what they ask for, in order.
///
/// A path is recognised by its first known word, whatever stands before it: /orders/bytes/10 is /bytes/10.
///
///     /bytes/N      N bytes of known text (origin_digest.hpp)
///     /echo         the request body, while it comes, with its trailers
///     /upload       reads the body; {"length":N,"fnv1a64":"..."}
///     /headers      the request head, byte by byte as received
///     /upgrade      101 for any Upgrade, then sends back what comes; 426 without one
///     /raw          the bytes of hex=, base64= or text=, then closes
///     /id           the server's name
///     /tls          what the TLS handshake came to, as JSON (origin_tls.hpp); {} without TLS
///     /control      sets the defaults of later requests
///     /control/service  makes it a server of known capacity (origin_service.hpp)
///     /control/refuse, /control/accept   stops listening, and listens again: keep a connection open to say so
///     /control/stats, /control/seconds   what was counted; /control/reset: afresh, and without defaults
///     any other     "NAME METHOD TARGET"
///
/// `Upgrade: websocket` is accepted on any path whose status is 200. Unknown words of the query are answered 400, so
/// that a typing error in a test shows; /headers and the unnamed paths let them pass.
///
/// With TLS all this goes on inside of it: FIN is a close_notify and a FIN, a reset stays a reset.
///
/// A client that shuts its side down is answered if that is possible at once; while the answer waits (delay, silent,
/// stall) it counts as gone, and as `aborted`.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/origin_digest.hpp"
#include "tests/support/origin_request.hpp"
#include "tests/support/origin_server.hpp"

namespace origin {

class connection {
public:
    connection(server& owner, int fd, std::uint64_t key);  ///< takes the descriptor, non-blocking
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    void on_event(std::uint32_t epoll_events);
    void on_wake();
    void on_served();  ///< its turn in the line of the server has come and gone
    bool over() const { return over_; }
    std::uint64_t key() const { return key_; }

private:
    enum class phase : std::uint8_t {
        head,         ///< reading a request head, or idle before one
        body,         ///< reading a request body
        queued,       ///< in the line of a server with a capacity
        delayed,      ///< waiting before the answer
        answering,    ///< sending a body we have
        echoing,      ///< sending the body we get
        tunnel,       ///< after 101, or plain TCP echo
        sink,         ///< TCP discard and digest
        hung,         ///< never doing anything again
        unread,       ///< answered without reading: FIN when flushed, then only waiting for the client to leave
        half_closed,  ///< all sent: FIN when flushed, then reading until the client's
        closing,      ///< close when flushed
    };
    /// What a step needs before the next: nothing, input, all output sent, or an event or wake.
    enum class next : std::uint8_t { more, input, flush, wait };
    enum class action : std::uint8_t { bytes, text, echo, upload, upgrade, raw };

    /// The request being answered.
    struct exchange {
        behaviour how;
        action what = action::text;
        bool active = false, counted = false, head_only = false, http_1_0 = false, keep_alive = true, chunked = false;
        std::string text;  ///< the body, where it is not the known text
        std::string upgrade_to, websocket_key;
        std::uint64_t size = 0, sent = 0, chunk_left = 0;
        std::uint64_t received = 0, sum = fnv_start;
        steady::time_point due{}, began{};
        body_decoder body;
    };

    // origin_connection.cpp: moving bytes
    void advance();
    next step();
    bool receive();
    bool flush();
    void on_end_of_input();
    void abandon();
    void reset_on_close();
    void send_fin();
    ssize_t receive_into(std::vector<char>& buffer);
    ssize_t send_from(std::string_view bytes);
    void note_handshake();
    next pass_on();
    next swallow();
    void watch_idle();

    // origin_answer.cpp: HTTP
    next read_head();
    void begin(const request& head);
    void choose_action(const request& head);
    void refuse(int status, std::string_view why);
    next read_body();
    void ready();
    void served();
    void answer();
    void switch_protocols(std::string_view to);
    void put_status_line(int status);
    void put_head();

    // origin_body.cpp
    next send_body();
    std::uint64_t allowed_now();
    next echo_body();
    void put_known_or_text(std::size_t n);
    void finish();

    server& server_;
    const int fd_;
    std::optional<weir::testing::tls_socket> tls_;
    bool handshake_noted_ = false;
    const std::uint64_t key_;
    phase phase_ = phase::head;
    bool readable_ = true, peer_done_ = false, ended_ = false, broken_ = false, over_ = false, fin_sent_ = false;
    exchange current_;
    std::string_view input_;  ///< received and not used; views the shared buffer or `held_`
    std::string held_;        ///< what of it outlives an event
    std::string out_;
    std::size_t out_begin_ = 0;
    steady::time_point paced_until_{};
    std::chrono::microseconds idle_limit_;
    steady::time_point idle_since_, idle_due_{};
    bool idle_watched_ = false;
};

}  // namespace origin
