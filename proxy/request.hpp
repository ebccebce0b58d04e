#pragma once
/// One request on its way, from its first byte to its line in the access log.
///
/// Filled by serve_http (head, route), forward (server, tries) and exchange (phases, bytes); lives in the frame of
/// serve_request, so it is gone between two requests.
#include <string>

#include "lib/http/parser.hpp"
#include "proxy/context.hpp"
#include "proxy/replay.hpp"
#include "proxy/tls_facts.hpp"

namespace weir {

struct request {
    request(worker_context& worker, listener_view& listener, byte_stream& client)
        : worker{worker}, listener{listener}, client{client}, kept_head{worker.request_heads.take()}, head{*kept_head},
          id{worker.request_ids.next()}, began{worker.time.now()} {
        worker.numbers.requests_total.add();
        worker.numbers.requests_open.add();
    }
    request(const request&) = delete;
    request& operator=(const request&) = delete;
    ~request();

    worker_context& worker;
    listener_view& listener;
    byte_stream& client;
    const tls_facts* tls = nullptr;  // of the client's connection; null: plain, or nobody asks for them

    std::unique_ptr<http::request_head> kept_head;  // goes back when we end
    http::request_head& head;
    route_state* way = nullptr;          // null: no route yet
    const conf::route* route = nullptr;  // its settings
    backend_view* backend = nullptr;
    server* chosen = nullptr;  // the last server tried
    std::size_t chosen_index = 0;
    std::optional<std::size_t> stuck_to;  // the server that the client's cookie names
    bool trusted = false;                 // the peer may speak for others
    std::string kept_id;                  // a trusted peer's request id; else empty: ours is `id`
    class request_id id;

    // Phases
    time_point began;  // first byte
    time_point head_done{};
    time_point deadline{};  // for everything up to the head of the response
    struct {
        nanoseconds first_byte{}, per_try = nanoseconds::max();
    } limits;  // the route's, else the backend's
    priority_class cls = priority_class::normal;
    std::chrono::seconds
        retry_after{};           // for a refusal to say; 0: drawn, where the reason is that we are short of something
    bool hurried = false;        // the client asked for less time than we would give
    nanoseconds connecting{-1};  // of the last try; negative: none
    nanoseconds first_byte{-1};

    // How it goes
    int status = 0;  // what the client got
    reason why = reason::none;
    std::uint64_t bytes_in = 0, bytes_out = 0;
    unsigned tries = 0;
    bool reused = false;
    bool has_head = false;    // there is something to say about it in the log
    bool may_repeat = false;  // the method is idempotent, or the client says that this request is
    bool body_taken = false;  // bytes of the body have left the client's buffer; what is kept of them is in `replay`
    replay_buffer replay;
    bool body_done = true;     // the whole body has been read from the client
    bool answered = false;     // bytes of a final response went to the client: no second try, no other answer
    bool keep_client = false;  // the client's connection is fit for another request
    bool cut = false;          // the answer is not whole: the connection must not end as if it were
    bool logged = false;
    /// The answer lies whole in worker.scratch: serve_http writes it, within this time, once all else has ended. Nobody may
    /// wait for anything before that.
    std::optional<nanoseconds> parting;

    std::string_view id_text() const noexcept { return kept_id.empty() ? id.text() : std::string_view{kept_id}; }
    /// Is all at hand that another try would have to send? What is left of a body with a length may still come; of a chunked
    /// one that was begun, everything must have been read.
    bool replayable() const noexcept {
        if (!body_taken) return true;
        return replay.whole() && (body_done || head.framing().how == http::body_framing::kind::length);
    }
    /// May it be sent again after bytes of it reached a server? RFC 9110 section 9.2.2.
    bool repeatable() const noexcept { return may_repeat && replayable(); }
    loop& time() const noexcept { return worker.time; }
};

/// Writes the line in the access log, once; a request that is destroyed on its way gets one too, with reason::draining.
void log_request(request& r);

/// Answers with a refusal and says so in the logs; nothing if the client has already been answered. The connection is fit
/// for another request only if nothing of this one is left unread. Composed at once, as the request's parting: the task is
/// empty, and there for those who return what is still to be awaited.
task<void> refuse(request& r, reason why, std::string_view doing);

/// The same with an answer of our own, composed by the caller in worker.scratch.
task<void> answer_with_scratch(request& r, int status);

/// The client gets part of an answer that will never be whole: only a broken connection tells it so.
void cut_off(request& r, reason why);

}  // namespace weir
