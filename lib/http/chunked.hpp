#pragma once
/// The chunked transfer coding (RFC 9112 section 7.1): decoded strictly and in bounded memory, written anew.
///
///     http::chunked_decoder body{http::sender::client};
///     while (!body.done()) {
///         auto step = body.feed(buffer.readable());
///         if (!step) co_return std::move(step.error());
///         if (!step->data.empty()) { append_chunk_head(out, step->data.size()); ... write data, then "\r\n" ... }
///         buffer.consume(step->consumed);                  // `data` points into the buffer: use it before this
///         if (step->consumed == 0) ... read more ...
///     }
///     append_last_chunk(out, body.trailers());
///
/// Strict: a chunk size of 1 to 16 hexadecimal digits and at most 2^63 - 1, no white space, CRLF and nothing else at the
/// end of a line, extensions of at most 256 bytes a chunk (read past and dropped, RFC 9112 section 7.1.1), a trailer
/// section of at most 8 KiB and 100 fields with the same rules as a head. Trailer fields that frame, route or
/// authenticate a message are dropped (RFC 9110 section 6.5.1): whoever merges trailers into the head would obey them.
///
/// Errors: bad_framing for a client's body, bad_response for a server's. After one, do not call again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/fields.hpp"
#include "lib/http/framing.hpp"
#include "lib/net/error.hpp"

namespace weir::http {

class chunked_decoder {
public:
    static constexpr std::size_t max_extension_bytes = 256;  // of one chunk
    static constexpr std::size_t max_trailer_bytes = 8 * 1024;
    static constexpr std::size_t max_trailer_fields = 100;

    explicit chunked_decoder(sender from) noexcept : from_{from} {}

    struct step {
        std::size_t consumed = 0;  // bytes of the input that are dealt with, `data` among them
        std::string_view data;     // a piece of the body inside the input; may be empty
    };
    /// Reads on: at most one piece of data, and the framing before and behind it. Consumes nothing only if `input` is
    /// empty or the body is done; what follows the body is left alone.
    result<step> feed(std::string_view input);

    /// The last chunk and the trailer section have been read.
    bool done() const noexcept { return state_ == state::done; }
    /// Complete once done(). Valid until the decoder is destroyed.
    const field_block& trailers() const noexcept { return trailers_; }

private:
    enum class state : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer, done };
    result<void> frame(char c);
    result<void> size_digit(char c);
    result<std::size_t> feed_trailer(std::string_view input);
    result<void> parse_trailers();
    std::unexpected<error> fault(const char* what) const;

    field_block trailers_;
    std::uint64_t left_ = 0;
    std::uint16_t extension_bytes_ = 0;
    std::uint8_t digits_ = 0;
    state state_ = state::size;
    sender from_;
};

/// `1f\r\n`: the data follows, then "\r\n". The size must not be 0: that would be the end of the body.
void append_chunk_head(std::string& out, std::uint64_t size);

/// The same into a buffer of ours; returns how many of the 18 bytes at most were written.
std::size_t write_chunk_head(char (&out)[18], std::uint64_t size) noexcept;

/// The end of a body, with the trailer fields that may be forwarded.
void append_last_chunk(std::string& out, const field_block& trailers);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace weir::http
