#include "tests/support/loadgen_response.hpp"

#include <algorithm>

#include "tests/support/origin_digest.hpp"

namespace loadgen {
namespace {

constexpr std::size_t max_head = 256 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_word(std::string_view a, std::string_view lower_case) {
    return a.size() == lower_case.size() && std::ranges::equal(a, lower_case, {}, lower);
}

bool contains_word(std::string_view text, std::string_view lower_case) {
    return !std::ranges::search(text, lower_case, {}, lower).empty();
}

}  // namespace

void response_reader::start(bool to_head, bool verify) {
    part_ = part::head;
    to_head_ = to_head;
    verify_ = verify;
    began_ = mismatch_ = false;
    keep_alive_ = true;
    status_ = 0;
    left_ = body_bytes_ = 0;
    held_.clear();
}

response_reader::result response_reader::feed(std::string_view& in) {
    if (!in.empty()) began_ = true;
    while (true) {
        switch (part_) {
        case part::done: return result::complete;
        case part::head:
            if (const auto got = take_head(in); got != result::complete) return got;
            break;
        case part::until_close:
            take_body(in);
            in = {};
            return result::more;
        case part::length:
        case part::chunk_data: {
            const auto run = in.substr(0, std::min<std::uint64_t>(in.size(), left_));
            take_body(run);
            in.remove_prefix(run.size());
            left_ -= run.size();
            if (left_ > 0) return result::more;
            part_ = part_ == part::length ? part::done : part::chunk_end;
            break;
        }
        default:
            if (in.empty()) return result::more;
            if (!take_chunk_framing(in.front())) return result::bad;
            in.remove_prefix(1);
        }
    }
}

response_reader::result response_reader::take_head(std::string_view& in) {
    if (held_.empty()) {
        const auto end = in.find("\r\n\r\n");
        if (end != in.npos) {
            const bool good = read_head(in.substr(0, end + 2));
            in.remove_prefix(end + 4);
            return good ? result::complete : result::bad;
        }
    }
    const auto from = held_.size() < 3 ? 0 : held_.size() - 3;
    const auto before = held_.size();
    held_.append(in.substr(0, max_head));
    const auto end = held_.find("\r\n\r\n", from);
    if (end == held_.npos) {
        in = {};
        return held_.size() >= max_head ? result::bad : result::more;
    }
    in.remove_prefix(end + 4 - before);
    held_.resize(end + 2);
    const bool good = read_head(held_);
    held_.clear();
    return good ? result::complete : result::bad;
}

/// `head` ends with the CRLF of its last line.
bool response_reader::read_head(std::string_view head) {
    if (head.size() < 14 || !(head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "))) return false;
    status_ = 0;
    for (const char c : head.substr(9, 3)) {
        if (c < '0' || c > '9') return false;
        status_ = status_ * 10 + (c - '0');
    }
    if (status_ < 100 || (head[12] != ' ' && head[12] != '\r')) return false;
    bool chunked = false, has_length = false, close = false, keep = head[7] == '1';
    left_ = 0;
    for (auto at = head.find("\r\n") + 2; at < head.size();) {
        const auto end = head.find("\r\n", at);
        const auto line = head.substr(at, end - at);
        at = end + 2;
        if (line.empty()) return false;
        const char first = lower(line.front());
        if (first != 'c' && first != 't') continue;
        const auto colon = line.find(':');
        if (colon == line.npos) return false;
        const auto name = line.substr(0, colon);
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
        if (same_word(name, "content-length")) {
            if (has_length || value.empty() || value.size() > 18) return false;
            has_length = true;
            for (const char c : value) {
                if (c < '0' || c > '9') return false;
                left_ = left_ * 10 + static_cast<std::uint64_t>(c - '0');
            }
        } else if (same_word(name, "transfer-encoding")) {
            if (chunked || !same_word(value, "chunked")) return false;
            chunked = true;
        } else if (same_word(name, "connection")) {
            close = close || contains_word(value, "close");
            keep = keep || contains_word(value, "keep-alive");
        }
    }
    if (chunked && has_length) return false;
    if (status_ < 200 && status_ != 101) {  // interim: the real one follows
        part_ = part::head;
        return true;
    }
    keep_alive_ = keep && !close;
    in_extension_ = size_seen_ = false;
    line_bytes_ = 0;
    if (to_head_ || status_ == 101 || status_ == 204 || status_ == 304) part_ = part::done;
    else if (chunked) part_ = part::chunk_size, left_ = 0;
    else if (has_length) part_ = left_ > 0 ? part::length : part::done;
    else part_ = part::until_close, keep_alive_ = false;
    return true;
}

bool response_reader::take_chunk_framing(char c) {
    switch (part_) {
    case part::chunk_size: {
        const char l = lower(c);
        const int digit = l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
        if (c == '\r' && size_seen_) return part_ = part::chunk_size_lf, true;
        if (in_extension_) return c != '\n';
        if (c == ';' && size_seen_) return in_extension_ = true;
        if (digit < 0 || left_ >> 59 != 0) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return size_seen_ = true;
    }
    case part::chunk_size_lf: part_ = left_ > 0 ? part::chunk_data : part::trailer; return c == '\n';
    case part::chunk_end: return part_ = part::chunk_end_lf, c == '\r';
    case part::chunk_end_lf:
        part_ = part::chunk_size;
        in_extension_ = size_seen_ = false;
        return c == '\n';
    case part::trailer:  // only where it ends matters here: at an empty line
        if (c == '\r') return true;
        if (c != '\n') return ++line_bytes_ < max_head;
        if (line_bytes_ == 0) part_ = part::done;
        line_bytes_ = 0;
        return true;
    default: return false;
    }
}

void response_reader::take_body(std::string_view run) {
    if (verify_ && origin::first_difference(run, body_bytes_)) mismatch_ = true;
    body_bytes_ += run.size();
}

}  // namespace loadgen
