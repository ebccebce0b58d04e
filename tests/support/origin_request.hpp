#pragma once
/// The origin's own reading of HTTP/1.1 requests: small, strict, and sharing nothing with weir's. Where weir forwards
/// something that is not one unambiguous message, this says `bad` and the origin counts it.
#include <cstdint>
#include <string>
#include <string_view>

namespace origin {

/// A request head. The views point into the bytes given to `parse_head`.
struct request {
    std::string_view raw;  ///< the head as received, final blank line included
    std::string_view method, target, path, query;
    std::string_view upgrade, websocket_key;  ///< values of the fields, empty without them
    std::uint64_t length = 0;                 ///< Content-Length
    bool chunked = false, http_1_0 = false, keep_alive = true, expects_continue = false;
};

enum class parsed { whole, partial, bad };

/// Reads one head from the front of `bytes`; `whole`: `head.raw.size()` bytes were its. `problem` explains `bad`.
parsed parse_head(std::string_view bytes, request& head, std::string_view& problem);

inline constexpr std::size_t max_head_bytes = 1 << 20;

/// Takes the framing off a request body, however it is sliced.
class body_decoder {
public:
    body_decoder() = default;  ///< of a request without a body
    explicit body_decoder(const request& head)
        : length_{head.length}, left_{head.length}, chunked_{head.chunked},
          state_{head.chunked ? state::size : state::data} {}

    bool done() const { return state_ == state::done || (!chunked_ && left_ == 0); }
    bool bad() const { return state_ == state::bad; }

    bool has_length() const { return !chunked_; }  ///< known before it is read, 0 without a body
    std::uint64_t length() const { return length_; }

    /// The next run of body bytes at the front of `in`, which is shortened by what was used. Empty: more input is
    /// needed, or done(), or bad().
    std::string_view next(std::string_view& in);

    /// The trailer section as received, each line with its end; complete when done().
    const std::string& trailers() const { return trailers_; }

private:
    enum class state : std::uint8_t { data, size, extension, size_end, data_end, data_end_lf, trailer, done, bad };
    void take_framing(char c);

    std::uint64_t length_ = 0, left_ = 0;
    bool chunked_ = false;
    state state_ = state::data;
    unsigned digits_ = 0;
    std::size_t line_begin_ = 0;
    std::string trailers_;
};

}  // namespace origin
