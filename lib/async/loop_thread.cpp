#include "lib/async/loop_thread.hpp"

#include <csignal>

#include <pthread.h>

namespace weir {

loop_thread::loop_thread(std::string name, loop& parent, std::move_only_function<void(uv_loop&)> body)
    : ended_{std::make_shared<event>(parent)} {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits the mask
    thread_ = std::thread{[name = std::move(name), &parent, body = std::move(body), ended = ended_]() mutable {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        {
            uv_loop time;
            body(time);
        }
        parent.call_from_other_thread([ended = std::move(ended)] { ended->set(); });
    }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace weir
