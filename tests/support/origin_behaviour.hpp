#pragma once
/// How the origin is to answer one request: what the query part of its target asks for.
///
///     behaviour how;                                          // answers at once, 200, with everything right
///     auto problem = apply_query("delay=50ms&status=503", how);     // empty: understood
///
/// The words, each once unless said otherwise:
///
///     delay=50ms          wait before the head (units us, ms, s, m; none is ms)
///     status=503          of the answer
///     fail=reset|close    no answer: RST or FIN instead of the head
///     silent              no answer: never, with the connection left open
///     noread              do not read the request body: answer at once, end with FIN, read nothing more. With `silent`
///                         neither read nor answer
///     nocontinue          send no 100 Continue, though asked
///     interim=103         a 1xx answer before the real one; repeatable
///     header=Name:Value   one more field in the answer (percent-encoded); repeatable
///     chunked             chunked, in pieces of chunk=16384 bytes
///     trailers            chunked, with the trailer field X-Body-Length
///     close               delimited by the end of the connection
///     version=1.0         of the answer; never chunked
///     cut=N               close after N bytes of the body, in the middle of a chunk if it falls there; with TLS, without
///                         close_notify
///     stall=N             stop for ever after N bytes of the body
///     hard                closing means RST, at a cut too
///     slow=N              send N bytes of the body a second
///     slice=N             send no more than N bytes at a time, a millisecond apart, the head too
///     keepalive_timeout=5s  close the connection when it stays idle that long after this answer
///     accept=NAME         answer 101 with this protocol, whatever was offered
///     unasked101          answer 101 though no upgrade was asked for
///     hex=..., base64=..., text=...   the bytes that /raw sends
///     keep                /raw leaves the connection open
///     share=0.3           (control) how many of the later requests get the defaults, as a share of one
///     flap=5s             (control) the defaults hold for so long, then not, and so on in turn
///     quick               answered past the line of a server with a capacity (origin_service.hpp)
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace origin {

struct behaviour {
    enum class failure : std::uint8_t { none, reset, close };
    static constexpr std::uint64_t never = ~std::uint64_t{0};

    std::chrono::microseconds delay{0}, keepalive_timeout{0}, flap{0};
    std::uint64_t cut = never, stall = never, slow = 0, slice = 0, chunk = 16384;
    int status = 200;
    failure fail = failure::none;
    bool silent = false, no_read = false, no_continue = false, chunked = false, trailers = false, close = false;
    bool version_1_0 = false, hard = false, unasked_101 = false, keep = false, quick = false;
    double share = 1;
    std::vector<int> interim;
    std::vector<std::string> headers;
    std::string accept, raw;
};

/// Adds what `query` asks for to `how`; says what is wrong with it, or nothing.
std::string apply_query(std::string_view query, behaviour& how);

/// "50ms", "1.5s", "20" (ms) -> a duration; negative if it is none.
std::chrono::microseconds duration_of(std::string_view text);

}  // namespace origin
