#pragma once
/// The body of a request on its way from the client to the server, while the answer is already being waited for.
///
///     upload body{r, server, limit};
///     body.start();
///     if (!body.ended()) ... race(server.fill(), body.progress()) ...      // wakes when the body is through or has failed
///
/// Bounded: reads from the client only as fast as the server takes it, and each wait has its limit. Ends by itself, or with
/// the object.
/// Failures: client_closed, client_body_timeout, client_body_too_slow, body_too_large, bad_framing; backend_reset or
/// idle_timeout when the server takes no more (it may still have an answer, or have given one).
#include <optional>

#include "lib/async/event.hpp"
#include "lib/async/scope.hpp"
#include "lib/http/chunked.hpp"
#include "proxy/request.hpp"

namespace weir {

class upload {
public:
    /// `server_patience`: how long the server may take nothing.
    upload(request& r, byte_stream& server, milliseconds server_patience);
    void start() { running_.spawn(run()); }

    /// Nothing more will be sent: all of it has been, or it failed.
    bool ended() const noexcept { return ended_at_ != time_point{}; }
    time_point ended_at() const noexcept { return ended_at_; }
    /// The whole body has been sent.
    bool succeeded() const noexcept { return ended() && !failure_; }
    const std::optional<error>& failure() const noexcept { return failure_; }

    /// Wakes when it ends; for as long as it has not.
    event::awaiter progress() noexcept { return news_.wait(); }

private:
    task<void> run();
    task<result<>> send_length(std::uint64_t length);
    task<result<>> send_chunked();
    task<result<>> repeat_chunked();
    task<result<>> fill_from_client();
    task<result<>> splice_from_client(std::uint64_t& left);
    task<result<>> write_to_server(std::string_view bytes);
    bool too_slow() const;

    request& r_;
    byte_stream& server_;
    milliseconds patience_;
    time_point began_;
    std::uint64_t sent_ = 0;
    time_point ended_at_{};
    std::optional<error> failure_;
    event news_;
    scope running_;
};

}  // namespace weir
