/// What is answered to which request: from the request head to the head of the answer.
#include <algorithm>
#include <charconv>

#include "tests/support/origin_connection.hpp"

namespace origin {
namespace {

const char* reason(int status) {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
    }
}

bool same_word(std::string_view a, std::string_view lower_case) {
    return std::ranges::equal(a, lower_case, {},
                              [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

/// The part of a path from its first known word on: "/orders/bytes/10" -> "/bytes/10"; empty if there is none.
std::string_view from_known_word(std::string_view path) {
    while (!path.empty()) {
        const auto word = path.substr(1, path.find('/', 1) - 1);
        for (const std::string_view known :
             {"bytes", "echo", "upload", "headers", "upgrade", "raw", "id", "tls", "control"})
            if (word == known) return path;
        path.remove_prefix(std::min(path.size(), word.size() + 1));
    }
    return {};
}

}  // namespace

connection::next connection::read_head() {
    while (input_.starts_with("\r\n")) input_.remove_prefix(2);  // some clients end a body with one too many
    if (input_.empty()) return next::input;
    request head;
    std::string_view problem;
    switch (parse_head(input_, head, problem)) {
    case parsed::partial: return next::input;
    case parsed::bad:
        ++server_.count().bad_requests;
        input_ = {};
        refuse(400, problem);
        return next::more;
    case parsed::whole: break;
    }
    input_.remove_prefix(head.raw.size());
    begin(head);
    return next::more;
}

void connection::begin(const request& head) {
    current_ = exchange{};
    current_.active = true;
    current_.head_only = head.method == "HEAD";
    current_.http_1_0 = head.http_1_0;
    current_.keep_alive = head.keep_alive;
    current_.body = body_decoder{head};
    current_.upgrade_to = head.upgrade;
    current_.websocket_key = head.websocket_key;
    choose_action(head);

    const auto& how = current_.how;
    if (how.no_read) current_.keep_alive = false;
    if (current_.what == action::echo || how.no_read || current_.body.done()) {
        if (current_.what == action::echo && head.expects_continue && !how.no_read && !how.no_continue)
            out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        ready();
        return;
    }
    if (head.expects_continue && !how.no_continue && input_.empty()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    phase_ = phase::body;
}

void connection::choose_action(const request& head) {
    const auto path = from_known_word(head.path);
    if (path.starts_with("/control")) {
        auto [status, text] = server_.control(path, head.query);
        current_.how.status = status;
        current_.text = std::move(text);
        return;
    }
    auto& all = server_.count();
    ++all.requests;
    all.in_flight_max = std::max(all.in_flight_max, ++all.in_flight);
    current_.counted = true;

    current_.how = server_.next_behaviour();
    auto problem = apply_query(head.query, current_.how);
    if (problem.starts_with("unknown") && (path.empty() || path == "/headers")) problem.clear();
    if (problem.empty() && current_.how.share != 1) problem = "share is for /control";
    if (problem.empty() && current_.how.flap.count() > 0) problem = "flap is for /control";

    if (path.starts_with("/bytes")) {
        current_.what = action::bytes;
        const auto digits = path.substr(std::min<std::size_t>(path.size(), 7));
        const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), current_.size);
        if (wrong != std::errc{} || end != digits.data() + digits.size()) problem = "it is /bytes/N";
    } else if (path == "/echo") {
        current_.what = current_.head_only ? action::text : action::echo;
        if (current_.how.slow > 0) problem = "slow does not go with /echo";
    } else if (path == "/upload") {
        current_.what = action::upload;
    } else if (path == "/upgrade") {
        current_.what = action::upgrade;
    } else if (path == "/raw") {
        current_.what = action::raw;
    } else if (path == "/headers") {
        current_.text = head.raw;
    } else if (path == "/id") {
        current_.text = server_.settings().name;
    } else if (path == "/tls") {
        current_.text = tls_ ? told_of(*tls_) : "{}\n";
    } else {
        current_.text.append(server_.settings().name)
            .append(" ")
            .append(head.method)
            .append(" ")
            .append(head.target)
            .append("\n");
    }
    if (problem.empty()) return;
    current_.how = {};
    current_.how.status = 400;
    current_.what = action::text;
    current_.text = problem + "\n";
}

/// Answers a request that could not be read, and closes.
void connection::refuse(int status, std::string_view why) {
    put_status_line(status);
    out_ += "Content-Length: ";
    put_number(out_, why.size() + 1);
    out_.append("\r\nConnection: close\r\n\r\n").append(why).append("\n");
    current_.keep_alive = false;
    finish();
}

connection::next connection::read_body() {
    auto& body = current_.body;
    for (auto run = body.next(input_); !run.empty(); run = body.next(input_)) {
        current_.received += run.size();
        if (current_.what == action::upload) current_.sum = fnv1a(run, current_.sum);
    }
    if (body.bad()) {
        ++server_.count().bad_requests;
        input_ = {};
        refuse(400, "bad chunk");
        return next::more;
    }
    if (!body.done()) return next::input;
    ready();
    return next::more;
}

/// The request is read as far as it will be.
void connection::ready() {
    if (current_.how.silent) phase_ = phase::hung;
    else if (current_.counted && !current_.how.quick && server_.queue(*this)) phase_ = phase::queued;
    else served();
}

void connection::served() {
    if (current_.how.delay.count() > 0) {
        phase_ = phase::delayed;
        current_.due = server_.now() + current_.how.delay;
        server_.wake_at(current_.due, *this);
    } else {
        answer();
    }
}

void connection::answer() {
    auto& how = current_.how;
    if (how.fail != behaviour::failure::none) {
        if (how.fail == behaviour::failure::reset) reset_on_close();
        if (current_.counted) --server_.count().in_flight;
        current_.active = false;
        over_ = true;
        return;
    }
    for (const int status : how.interim) {
        put_status_line(status);
        if (status == 103) out_ += "Link: </style.css>; rel=preload\r\n";
        out_ += "\r\n";
    }
    if (current_.what == action::raw) {
        out_ += how.raw;
        current_.keep_alive = how.keep;
        finish();
        return;
    }
    const bool offered = !current_.upgrade_to.empty() &&
                         (current_.what == action::upgrade || same_word(current_.upgrade_to, "websocket"));
    if (how.unasked_101 || !how.accept.empty() || (offered && how.status == 200)) {
        switch_protocols(!how.accept.empty() ? how.accept : offered ? current_.upgrade_to : "websocket");
        return;
    }
    if (current_.what == action::upgrade) {
        if (how.status == 200) how.status = 426;
        current_.text = "this path speaks through Upgrade only\n";
    }
    if (current_.what == action::upload) {
        current_.text = "{\"length\":";
        put_number(current_.text, current_.received);
        current_.text += ",\"fnv1a64\":\"" + hex16(current_.sum) + "\"}\n";
    }
    if (current_.what != action::bytes) current_.size = current_.text.size();
    put_head();
    current_.began = server_.now();
    const bool bodyless = current_.head_only || how.status < 200 || how.status == 204 || how.status == 304;
    if (bodyless) finish();
    else phase_ = current_.what == action::echo ? phase::echoing : phase::answering;
}

void connection::switch_protocols(std::string_view to) {
    put_status_line(101);
    out_.append("Upgrade: ").append(to).append("\r\nConnection: Upgrade\r\n");
    if (!current_.websocket_key.empty())
        out_ += "Sec-WebSocket-Accept: " + websocket_accept(current_.websocket_key) + "\r\n";
    for (const auto& field : current_.how.headers) out_ += field + "\r\n";
    out_ += "\r\n";
    if (current_.counted) --server_.count().in_flight;
    current_.active = false;
    phase_ = phase::tunnel;
}

void connection::put_status_line(int status) {
    out_ += current_.how.version_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
    put_number(out_, static_cast<std::uint64_t>(status));
    out_.append(" ").append(reason(status)).append("\r\n");
}

void connection::put_head() {
    const auto& how = current_.how;
    const bool can_chunk = !current_.http_1_0 && !how.version_1_0;
    const bool echoes = current_.what == action::echo;
    const bool unknown_size = echoes && !current_.body.has_length();
    current_.chunked = can_chunk && !how.close && (how.chunked || how.trailers || unknown_size);
    const bool until_close = !current_.chunked && (how.close || (how.chunked && !can_chunk) || unknown_size);
    if (how.close || until_close) current_.keep_alive = false;

    put_status_line(how.status);
    if (how.status >= 200 && how.status != 204 && how.status != 304) {
        if (current_.chunked) {
            out_ += "Transfer-Encoding: chunked\r\n";
        } else if (!until_close) {
            out_ += "Content-Length: ";
            put_number(out_, echoes ? current_.body.length() : current_.size);
            out_ += "\r\n";
        }
        if (current_.chunked && how.trailers) out_ += "Trailer: X-Body-Length\r\n";
    }
    for (const auto& field : how.headers) out_ += field + "\r\n";
    if (!current_.keep_alive) out_ += "Connection: close\r\n";
    else if (current_.http_1_0 || how.version_1_0) out_ += "Connection: keep-alive\r\n";
    out_ += "\r\n";
}

}  // namespace origin
