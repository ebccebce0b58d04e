#pragma once
/// The answer on its way from the server to the client: head, body, trailers, in bounded memory.
///
/// A small answer that is here already leaves in one write, after its server connection was given back: the next request
/// need not wait for this client. A large one between plain sockets is spliced. The framing is written anew: a body without
/// a length becomes chunked for a client of HTTP/1.1; chunked becomes a plain body, ended by closing, for one of 1.0.
#include <functional>

#include "proxy/request.hpp"

namespace weir {

struct response_relay {
    response_relay(request& r, http::response_head& head, byte_stream& server, milliseconds patience)
        : r{r}, head{head}, server{server}, patience{patience} {}

    request& r;
    http::response_head& head;
    byte_stream& server;
    milliseconds patience;             // between two bytes, on either side
    bool server_may_stay = false;      // its connection may be kept once the body is complete
    std::function<void()> takes_time;  // called once it is clear that this will not be over at once
    std::function<void()> release;     // gives the connection back; `server` is gone afterwards
};

/// From the head to the end. What goes wrong is in r.why: the client has part of the answer and must be cut off.
task<void> relay_response(response_relay& relay);

}  // namespace weir
