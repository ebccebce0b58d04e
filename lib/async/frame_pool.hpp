#pragma once
/// Memory for coroutine frames: a free list per size and thread, because a request makes and drops about ten frames.
///
/// Used by the promises of this library (task.hpp, scope.hpp), and for what is made and dropped as often as a frame. Sizes are rounded up to 64 bytes; larger frames
/// than 2 KiB, and all of them under the address sanitizer, come from the allocator, or a use after the frame's end would go
/// unseen. A frame may end on another thread than it began on; each list keeps at most 256. drop() frees what a thread keeps;
/// its loop does so at the end.
#include <array>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_POOLS_FRAMES 0
#elif defined(__has_feature)
#define WEIR_POOLS_FRAMES !__has_feature(address_sanitizer)  // clang
#else
#define WEIR_POOLS_FRAMES 1
#endif

namespace weir {

class frame_pool {
public:
    static void* take(std::size_t bytes) {
#if WEIR_POOLS_FRAMES
        const auto size_class = (bytes - 1) / step;
        if (size_class < classes) {
            auto& list = lists_[size_class];
            if (list.first) {
                auto* frame = list.first;
                list.first = frame->next;
                --list.count;
                return frame;
            }
            bytes = (size_class + 1) * step;
        }
#endif
        return ::operator new(bytes);
    }
    static void give_back(void* memory, std::size_t bytes) noexcept {
#if WEIR_POOLS_FRAMES
        const auto size_class = (bytes - 1) / step;
        if (size_class < classes && lists_[size_class].count < kept_each) {
            auto& list = lists_[size_class];
            list.first = new (memory) node{list.first};
            ++list.count;
            return;
        }
#else
        (void)bytes;
#endif
        ::operator delete(memory);
    }
    static void drop() noexcept {
        for (auto& list : lists_) {
            while (auto* frame = list.first) {
                list.first = frame->next;
                ::operator delete(frame);
            }
            list.count = 0;
        }
    }

private:
    static constexpr std::size_t step = 64, classes = 32;
    static constexpr unsigned kept_each = 256;
    struct node {
        node* next;
    };
    struct free_list {
        node* first;
        unsigned count;
    };
    static inline thread_local constinit std::array<free_list, classes> lists_{};
};

}  // namespace weir
