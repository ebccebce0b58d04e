#include "conf/check_tls.hpp"

namespace weir::conf {
namespace {

/// For each backend: do requests of http listeners reach it, its role as a fallback included?
std::vector<bool> reached_by_http(const config& whole) {
    std::vector<bool> reached(whole.backends.size());
    const auto reach = [&](std::size_t at) {
        while (!reached[at]) {
            reached[at] = true;
            if (whole.backends[at].fallback.how == fallback::kind::backend) at = whole.backends[at].fallback.backend;
        }
    };
    for (const auto& listener : whole.listeners) {
        if (listener.protocol == http_protocol::tcp) continue;
        if (listener.default_backend) reach(*listener.default_backend);
        for (const auto& route : listener.routes)
            if (route.backend) reach(*route.backend);
    }
    return reached;
}

}  // namespace

void settle_alpn(config& whole, const written& top) {
    const auto by_http = reached_by_http(whole);
    const auto blocks = top.all_blocks("backend");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto tls = blocks[i]->all_blocks("tls");
        if (!tls.empty() && !tls.front()->find("alpn") && by_http[i]) whole.backends[i].tls->alpn = {"http/1.1"};
    }
}

}  // namespace weir::conf
