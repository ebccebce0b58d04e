#pragma once
/// The load generator's own reading of HTTP/1.1 answers: finds where one ends and notes what matters. Shares nothing
/// with weir's reading.
#include <cstdint>
#include <string>
#include <string_view>

namespace loadgen {

class response_reader {
public:
    enum class result : std::uint8_t { more, complete, bad };

    /// Before each answer. `to_head`: to a HEAD request. `verify`: the body must be the origin's known text.
    void start(bool to_head, bool verify);

    /// Takes bytes from the front of `in`, which is shortened. Interim (1xx) answers are passed over; 101 is complete.
    result feed(std::string_view& in);

    /// The connection ended. Complete if that is what the answer's length was left to, else bad.
    result ended() const { return part_ == part::until_close ? result::complete : result::bad; }

    bool began() const { return began_; }  ///< a byte of the answer has come
    int status() const { return status_; }
    bool keep_alive() const { return keep_alive_; }
    bool mismatch() const { return mismatch_; }  ///< verify found a wrong byte
    std::uint64_t body_bytes() const { return body_bytes_; }

private:
    enum class part : std::uint8_t {
        head,
        length,
        until_close,
        chunk_size,
        chunk_size_lf,
        chunk_data,
        chunk_end,
        chunk_end_lf,
        trailer,
        done
    };

    result take_head(std::string_view& in);
    bool read_head(std::string_view head);
    bool take_chunk_framing(char c);
    void take_body(std::string_view run);

    part part_ = part::head;
    bool to_head_ = false, verify_ = false, began_ = false, keep_alive_ = true, mismatch_ = false;
    bool in_extension_ = false, size_seen_ = false;
    int status_ = 0;
    std::uint64_t left_ = 0, body_bytes_ = 0;
    std::size_t line_bytes_ = 0;
    std::string held_;  ///< a head that has come in part
};

}  // namespace loadgen
