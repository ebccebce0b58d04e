#pragma once
/// The answer on its way from the server to the client: head, body, trailers, in bounded memory.
///
/// A small answer that is here already leaves in one write, after its server connection was given back: the next request
/// need not wait for this client. A large one between plain sockets is spliced, and so is one to a TLS
/// client where the kernel can seal it (kernel_tls.hpp). The framing is written anew: a body without
/// a length becomes chunked for a client of HTTP/1.1; chunked becomes a plain body, ended by closing, for one of 1.0.
#include "proxy/request.hpp"

namespace weir {

/// Whose connection it is that the answer comes by.
struct relay_owner {
    /// It is clear now that this will not be over at once.
    virtual void takes_time() = 0;
    /// The body is complete: the connection may be given back, and is not used afterwards.
    virtual void release() = 0;

protected:
    ~relay_owner() = default;
};

struct response_relay {
    response_relay(relay_owner& owner, request& r, http::response_head& head, byte_stream& server,
                   milliseconds patience)
        : owner{owner}, r{r}, head{head}, server{server}, patience{patience} {}
    response_relay(const response_relay&) = delete;
    response_relay& operator=(const response_relay&) = delete;

    relay_owner& owner;
    request& r;
    http::response_head& head;
    byte_stream& server;
    milliseconds patience;         // between two bytes, on either side
    bool server_may_stay = false;  // its connection may be kept once the body is complete
};

/// From the head to the end; `relay` must outlive it. What goes wrong is in r.why: the client has part of the answer and must be cut off.
task<void> relay_response(response_relay& relay);

}  // namespace weir
