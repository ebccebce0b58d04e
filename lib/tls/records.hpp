#pragma once
/// What turns bytes into records and records into bytes on an established connection. There are two: OpenSSL's SSL
/// (ssl_records.hpp), which shook hands before, and our own (record_layer.hpp), which costs less but knows only what a server
/// of TLS 1.3 needs. A session (session.hpp) has one of them at a time.
///
/// Nothing here waits; belongs to one thread at a time.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lib/net/stream_layer.hpp"

namespace weir::tls {

/// Unlike an assignment this gives the memory back: an idle connection holds no buffer.
inline void release(std::string& text) noexcept { std::string{}.swap(text); }

class records {
public:
    static constexpr std::size_t max_plain_bytes = 16 * 1024;  // of a record

    records() = default;
    records(const records&) = delete;
    virtual ~records() = default;

    using state = stream_layer::state;
    state incoming() const noexcept { return incoming_; }
    /// Why it is broken, or could not seal; empty: it is not.
    const std::string& problem() const noexcept { return problem_; }

    /// Opens records at the front of `wire` until one brings data, and takes what it used off; part of a record is taken,
    /// too. The bytes put into `space`; 0: more must come from the wire, or incoming() is no longer open.
    virtual std::size_t open(std::string_view& wire, std::span<char> space) = 0;
    /// There are bytes that had no place in `space`.
    virtual bool has_more() const noexcept = 0;

    /// Appends both pieces, in records of at most `most` bytes of data each. False: nothing can be sent any more, and what
    /// was appended must not be.
    virtual bool seal(std::string_view first, std::string_view second, std::size_t most, std::string& wire) = 0;
    /// Appends close_notify, once; nothing can be sealed after it.
    virtual void seal_end(std::string& wire) = 0;
    /// Appends what there is to tell the peer of its own accord: why the connection is broken, for instance; once.
    virtual void append_own(std::string& wire) = 0;

    /// As a stream_layer has them.
    virtual bool seal_in_kernel(int /*descriptor*/) noexcept { return false; }
    virtual bool is_worn() const noexcept { return false; }

protected:
    void break_with(std::string why) {
        incoming_ = state::broken;
        problem_ = std::move(why);
    }
    state incoming_ = state::open;
    std::string problem_;
};

}  // namespace weir::tls
