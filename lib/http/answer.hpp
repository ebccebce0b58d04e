#pragma once
/// What weir says itself: refusals, redirects and fixed responses, whole in one string.
///
///     append_refusal(out, reason::no_server, {.keep_alive = true, .date = clock.date()});
///     append_answer(out, {.status = 308, .location = "https://example.com/"}, {.keep_alive = true});
///
/// A refusal has a small body for people, `Proxy-Status: weir; error=...; details="..."` (RFC 9209) for programs, and
/// `Cache-Control: no-store`, for what we could not do now says nothing about the resource. Pure: the date is given.
#include <string>
#include <string_view>

#include "lib/http/head.hpp"
#include "lib/telemetry/reason.hpp"

namespace weir::http {

/// How the answer goes out.
struct answer_mode {
    bool keep_alive = false;        // false: `Connection: close`
    bool head_only = false;         // the request was HEAD: the same head, no body
    int client_minor = 1;           // HTTP/1.x of the client: a 1.0 client is told `keep-alive`
    std::string_view date{};        // "Sun, 06 Nov 1994 08:49:37 GMT"; empty: no Date
    std::string_view request_id{};  // empty: no X-Request-Id
};

struct answer {
    int status = 200;
    std::string_view body{};
    std::string_view type = "text/plain; charset=utf-8";
    std::string_view location{};  // of a redirect; empty: none
    std::string_view fields{};    // more, each ready made with its CRLF; empty: none
};

/// Content-Length is always written, except with the statuses that have no body (204, 304), whose body is dropped.
void append_answer(std::string& out, const answer& what, const answer_mode& mode);

/// What a refusal tells programs beside its reason.
struct refusal_hints {
    unsigned retry_after = 0;  // seconds; 0: none
    bool unprocessed = false;  // no server has seen the request: `X-Not-Processed: 1`, so that it may be sent again
    bool no_retry = false;     // but not now, it would only add to the load: `X-Retry: no`
};

/// The refusal for a reason, with the status of status_for(why). 405 and 426 need more than this can say: use
/// append_answer.
void append_refusal(std::string& out, reason why, const answer_mode& mode, const refusal_hints& hints = {});

/// A refusal whole and ready, for when there is no time to read what was asked: reason::overloaded, and the connection closes.
extern const std::string_view refusal_unread;

/// The Proxy-Status value alone, for a response that is forwarded although something went wrong.
void append_proxy_status(std::string& out, reason why);

}  // namespace weir::http
