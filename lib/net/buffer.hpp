#pragma once
/// Memory for bytes on their way: chunks from a pool that each worker keeps, and a growing window over one chunk.
///
///     buffer_pool pool;
///     read_buffer in{pool};
///     auto space = in.space(16 * 1024);      // takes a chunk only now
///     in.commit(n);  in.view();  in.consume(n);    // gives the chunk back as soon as it is empty
///
/// An idle connection therefore holds no chunk at all. The pool keeps a bounded number of free chunks, last in, first out
/// (the warmest first), and returns the rest to the allocator. Belongs to one thread; outlives its buffers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

namespace weir {

class buffer_pool {
public:
    static constexpr std::size_t small_bytes = 16 * 1024;
    static constexpr std::size_t large_bytes = 64 * 1024;

    buffer_pool() = default;
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    ~buffer_pool() {
        for (auto* list : {&small_, &large_})
            while (list->first) std::free(list->pop());
    }

    /// `bytes` is rounded up to a size that the pool keeps, if there is one.
    char* take(std::size_t& bytes) {
        bytes = bytes <= small_bytes ? small_bytes : bytes <= large_bytes ? large_bytes : bytes;
        held_bytes_ += bytes;
        if (auto* free = list_for(bytes); free && free->first) return free->pop();
        auto* chunk = static_cast<char*>(std::malloc(bytes));
        if (!chunk) throw std::bad_alloc{};
        return chunk;
    }
    void give_back(char* chunk, std::size_t bytes) noexcept {
        held_bytes_ -= bytes;
        auto* free = list_for(bytes);
        if (free && free->count < kept_each) free->push(chunk);
        else std::free(chunk);
    }
    /// Bytes of chunks that are in use now.
    std::size_t held_bytes() const noexcept { return held_bytes_; }

private:
    static constexpr std::size_t kept_each = 128;  // at most 10 MiB a worker
    /// Linked through the chunks themselves.
    struct free_list {
        struct node {
            node* next;
        };
        void push(char* chunk) noexcept {
            first = new (chunk) node{first};
            ++count;
        }
        char* pop() noexcept {
            auto* chunk = first;
            first = chunk->next;
            --count;
            return reinterpret_cast<char*>(chunk);
        }
        node* first = nullptr;
        unsigned count = 0;
    };
    free_list* list_for(std::size_t bytes) noexcept {
        return bytes == small_bytes ? &small_ : bytes == large_bytes ? &large_ : nullptr;
    }
    free_list small_, large_;
    std::size_t held_bytes_ = 0;
};

class read_buffer {
public:
    explicit read_buffer(buffer_pool& pool) noexcept : pool_{&pool} {}
    read_buffer(const read_buffer&) = delete;
    read_buffer& operator=(const read_buffer&) = delete;
    ~read_buffer() { release(); }

    std::string_view view() const noexcept { return {data_ + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::size_t capacity() const noexcept { return capacity_; }  // of the chunk; 0: none

    /// Room for new bytes: what is left of the chunk, after moving the content to its front if need be. An empty buffer
    /// takes a chunk of `preferred` bytes. May be empty: the chunk is full.
    std::span<char> space(std::size_t preferred) {
        if (!data_) allocate(preferred);
        else if (end_ == capacity_ && begin_ > 0) compact();
        return {data_ + end_, capacity_ - end_};
    }
    /// Makes the chunk at least twice as large.
    void grow() {
        if (!data_) return allocate(buffer_pool::small_bytes);
        auto* old = data_;
        const auto old_capacity = capacity_;
        std::size_t bytes = std::size_t{capacity_} * 2;
        data_ = pool_->take(bytes);
        std::memcpy(data_, old + begin_, size());
        end_ -= begin_;
        begin_ = 0;
        capacity_ = static_cast<std::uint32_t>(bytes);
        pool_->give_back(old, old_capacity);
    }
    bool full() const noexcept { return data_ && begin_ == 0 && end_ == capacity_; }
    void commit(std::size_t n) noexcept { end_ += static_cast<std::uint32_t>(n); }
    void consume(std::size_t n) noexcept {
        begin_ += static_cast<std::uint32_t>(n);
        if (begin_ == end_) release();
    }
    /// Gives an unused chunk back.
    void trim() noexcept {
        if (empty()) release();
    }
    void release() noexcept {
        if (data_) pool_->give_back(data_, capacity_);
        data_ = nullptr;
        begin_ = end_ = capacity_ = 0;
    }

private:
    void allocate(std::size_t bytes) {
        data_ = pool_->take(bytes);
        capacity_ = static_cast<std::uint32_t>(bytes);
    }
    void compact() noexcept {
        std::memmove(data_, data_ + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    buffer_pool* pool_;
    char* data_ = nullptr;
    std::uint32_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace weir
