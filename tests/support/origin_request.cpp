#include "tests/support/origin_request.hpp"

#include <algorithm>
#include <cstring>

namespace origin {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

bool is_token(std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.contains(c);
    });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool list_has(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const auto item = list.substr(0, list.find(','));
        if (same_word(trimmed(item), word)) return true;
        list.remove_prefix(std::min(list.size(), item.size() + 1));
    }
    return false;
}

/// The fields that matter more than once, and what a head must not say twice.
struct seen {
    bool length = false, coding = false, host = false, keep_alive = false, close = false;
};

const char* take_field(std::string_view name, std::string_view value, request& head, seen& had) {
    switch (lower(name.front())) {  // most fields are none of ours: one look at the first letter is enough
    case 'h':
        if (!same_word(name, "host")) break;
        if (had.host) return "two Host fields";
        had.host = true;
        break;
    case 'c':
        if (same_word(name, "connection")) {
            had.close = had.close || list_has(value, "close");
            had.keep_alive = had.keep_alive || list_has(value, "keep-alive");
        } else if (same_word(name, "content-length")) {
            if (had.length) return "two Content-Length fields";
            had.length = true;
            if (value.empty() || value.size() > 18) return "bad Content-Length";
            for (const char c : value) {
                if (c < '0' || c > '9') return "bad Content-Length";
                head.length = head.length * 10 + static_cast<std::uint64_t>(c - '0');
            }
        }
        break;
    case 't':
        if (!same_word(name, "transfer-encoding")) break;
        if (had.coding || !same_word(value, "chunked")) return "bad Transfer-Encoding";
        had.coding = head.chunked = true;
        break;
    case 'e':
        if (same_word(name, "expect") && same_word(value, "100-continue")) head.expects_continue = true;
        break;
    case 'u':
        if (same_word(name, "upgrade")) head.upgrade = value;
        break;
    case 's':
        if (same_word(name, "sec-websocket-key")) head.websocket_key = value;
        break;
    default: break;
    }
    return nullptr;
}

const char* take_request_line(std::string_view line, request& head) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == line.npos || last == first) return "bad request line";
    head.method = line.substr(0, first);
    head.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (!is_token(head.method)) return "bad method";
    if (head.target.empty() || head.target.contains(' ')) return "bad target";
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return "bad version";
    head.http_1_0 = version == "HTTP/1.0";
    auto path = head.target;
    if (path.starts_with("http://")) path.remove_prefix(std::min(path.size(), path.find('/', 7)));
    const auto mark = path.find('?');
    head.path = path.substr(0, mark);
    head.query = mark == path.npos ? std::string_view{} : path.substr(mark + 1);
    return nullptr;
}

}  // namespace

parsed parse_head(std::string_view bytes, request& head, std::string_view& problem) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) {
        problem = "head too large";
        return bytes.size() > max_head_bytes ? parsed::bad : parsed::partial;
    }
    head = request{};
    head.raw = bytes.substr(0, end + 4);
    seen had;
    const char* wrong = nullptr;
    std::size_t begin = 0;
    for (bool is_request_line = true; begin < end + 2 && !wrong; is_request_line = false) {
        const auto stop = bytes.find("\r\n", begin);
        const auto line = bytes.substr(begin, stop - begin);
        begin = stop + 2;
        if (std::ranges::any_of(
                line, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; })) {
            wrong = "control character in the head";
        } else if (is_request_line) {
            wrong = take_request_line(line, head);
        } else {
            const auto colon = line.find(':');
            if (colon == line.npos || !is_token(line.substr(0, colon))) wrong = "bad field name";
            else wrong = take_field(line.substr(0, colon), trimmed(line.substr(colon + 1)), head, had);
        }
    }
    if (!wrong && had.coding && (had.length || head.http_1_0))
        wrong = "Transfer-Encoding beside Content-Length or HTTP/1.0";
    if (!wrong && !had.host && !head.http_1_0) wrong = "no Host";
    head.keep_alive = head.http_1_0 ? had.keep_alive && !had.close : !had.close;
    if (!wrong) return parsed::whole;
    problem = wrong;
    return parsed::bad;
}

std::string_view body_decoder::next(std::string_view& in) {
    while (!in.empty() && !done() && !bad()) {
        if (state_ == state::data) {
            const auto run = in.substr(0, std::min<std::uint64_t>(in.size(), left_));
            in.remove_prefix(run.size());
            left_ -= run.size();
            if (chunked_ && left_ == 0) state_ = state::data_end;
            return run;
        }
        take_framing(in.front());
        in.remove_prefix(1);
    }
    return {};
}

void body_decoder::take_framing(char c) {
    switch (state_) {
    case state::size: {
        const char l = lower(c);
        const int digit = l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
        if (digit >= 0 && ++digits_ <= 15) left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        else if (digits_ > 0 && c == ';') state_ = state::extension;
        else if (digits_ > 0 && c == '\r') state_ = state::size_end;
        else state_ = state::bad;
        break;
    }
    case state::extension:
        if (c == '\r') state_ = state::size_end;
        else if (c == '\n') state_ = state::bad;
        break;
    case state::size_end:
        if (c != '\n') state_ = state::bad;
        else state_ = left_ > 0 ? state::data : state::trailer;
        digits_ = 0;
        break;
    case state::data_end: state_ = c == '\r' ? state::data_end_lf : state::bad; break;
    case state::data_end_lf: state_ = c == '\n' ? state::size : state::bad; break;
    case state::trailer: {
        trailers_ += c;
        if (trailers_.size() > 65536) state_ = state::bad;
        if (c != '\n') break;
        const auto line = std::string_view{trailers_}.substr(line_begin_);
        if (line == "\r\n") {
            trailers_.resize(line_begin_);
            state_ = state::done;
        } else if (!line.ends_with("\r\n") || !line.contains(':')) {
            state_ = state::bad;
        }
        line_begin_ = trailers_.size();
        break;
    }
    case state::data:
    case state::done:
    case state::bad: break;
    }
}

}  // namespace origin
