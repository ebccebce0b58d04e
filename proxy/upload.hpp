#pragma once
/// The body of a request on its way from the client to the server, while the answer is already being waited for.
///
///     upload body{r, server, limit};
///     body.start();
///     ... race(server.fill(), body.progress()) ...        // wakes when the body is through or has failed
///
/// Bounded: reads from the client only as fast as the server takes it. Ends by itself, or with the object. After the last
/// byte it goes on watching the client, so that one who leaves is noticed: failure() is then client_closed.
/// Failures: client_closed, client_body_timeout, client_body_too_slow, body_too_large, bad_framing; backend_reset when the
/// server takes no more (it may still have an answer, or have given one).
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

    /// The whole body has been sent.
    bool finished() const noexcept { return finished_at_ != time_point{}; }
    time_point finished_at() const noexcept { return finished_at_; }
    const std::optional<error>& failure() const noexcept { return failure_; }

    /// Wakes once for each change of the above.
    event::awaiter progress() noexcept {
        news_.clear();
        return news_.wait();
    }

private:
    task<void> run();
    task<result<>> send_length(std::uint64_t length);
    task<result<>> send_chunked();
    task<result<>> fill_from_client();
    task<result<>> splice_from_client(std::uint64_t& left);
    task<result<>> write_to_server(std::string_view bytes);
    bool too_slow() const;

    request& r_;
    byte_stream& server_;
    milliseconds patience_;
    time_point began_;
    std::uint64_t sent_ = 0;
    time_point finished_at_{};
    std::optional<error> failure_;
    event news_;
    scope running_;
};

}  // namespace weir
