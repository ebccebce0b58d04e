#pragma once
/// One try: a request on one connection to one server, first up to the head of its response, then the rest.
///
///     attempt a{r, std::move(place)};
///     auto asked = co_await ask(a, pooled_connections::allowed);
///     if (!asked) ...                         // this try failed; another may follow, or a refusal
///     else co_await pass_on(a);               // the client gets the response, or what could be had of it
///
/// Between the two the caller may look at a.head and decide otherwise: several tries of one request may be asked at once, and
/// only one of them passed on. What the backend learns from it is told by the place (backend.hpp).
#include "lib/async/frame_pool.hpp"
#include "proxy/request.hpp"
#include "proxy/response_body.hpp"
#include "proxy/upload.hpp"

namespace weir {

enum class pooled_connections : bool { allowed, avoided };

struct attempt final : relay_owner {
    attempt(request& what, place on);
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt() { r.worker.response_heads.give_back(std::move(kept_head)); }
    static void* operator new(std::size_t bytes) { return frame_pool::take(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept { frame_pool::give_back(memory, bytes); }

    request& r;
    backend_view& backend;
    place on;  // counted as in flight until we end
    std::unique_ptr<server_connection> connection;
    std::unique_ptr<http::response_head> kept_head;  // goes back when we end
    http::response_head& head;
    time_point began;
    time_point deadline;  // of this try
    time_point sent_at{};
    nanoseconds connecting{-1};  // negative: it took a pooled connection
    bool reused = false;
    bool alone = true;                    // no other try of this request is out: this one watches the client
    std::unique_ptr<upload> body;         // while a request body is on its way
    std::optional<response_relay> relay;  // while the response is

    byte_stream& stream() const { return *connection->stream; }
    server& to() const { return on.at(); }
    std::string doing(std::string_view what) const;
    /// Has the place tell its backend how the try failed, or what came of it.
    void report(const error& failure);
    void report_head();
    void takes_time() override;
    void release() override;
};

/// Connects, sends, and reads up to the head of the final response; interim ones are passed on. An error: this try failed;
/// `error::sent` tells whether a byte of the request reached the server.
task<result<>> ask(attempt& a, pooled_connections pooled);

/// The rest, once ask() has succeeded: the client gets the whole response, or whatever could be had of it (request::why
/// then says what was wrong).
task<void> pass_on(attempt& a);

}  // namespace weir
