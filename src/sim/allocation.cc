// The simulator's memory: free lists by size, without locks, for the program has one thread. The
// world makes and drops some thousand small values in each virtual minute; with the general
// allocator a quarter of the time goes there. Not under sanitizers, which bring their own.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

constexpr std::size_t kStep = 32;
constexpr std::size_t kLargest = 2048;  // beyond: malloc
constexpr std::size_t kPiece = std::size_t{1} << 18U;

struct Free {
  Free* next;
};
struct Header {
  std::size_t kind;  // index of the list; kOutside: from malloc
};
constexpr std::size_t kHeader = alignof(std::max_align_t);
constexpr std::size_t kOutside = SIZE_MAX;
static_assert(sizeof(Header) <= kHeader);

std::array<Free*, kLargest / kStep + 1> lists{};
std::byte* piece = nullptr;
std::size_t left = 0;

// NOLINTBEGIN(cppcoreguidelines-no-malloc): containers and smart pointers are given theirs here.
std::byte* with_header(std::byte* block, std::size_t kind) {
  reinterpret_cast<Header*>(block)->kind = kind;
  return block + kHeader;
}

void* get(std::size_t size) {
  const std::size_t kind = (size + kStep - 1) / kStep;
  if (size > kLargest) {
    auto* block = static_cast<std::byte*>(std::malloc(size + kHeader));
    if (block == nullptr) throw std::bad_alloc();
    return with_header(block, kOutside);
  }
  if (Free* found = lists[kind]; found != nullptr) {
    lists[kind] = found->next;
    return found;
  }
  const std::size_t wanted = (kind == 0 ? 1 : kind) * kStep + kHeader;
  if (left < wanted) {
    piece = static_cast<std::byte*>(std::malloc(kPiece));
    if (piece == nullptr) throw std::bad_alloc();
    left = kPiece;
  }
  std::byte* block = piece;
  piece += wanted;
  left -= wanted;
  return with_header(block, kind);
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  auto* block = static_cast<std::byte*>(memory) - kHeader;
  const auto kind = reinterpret_cast<Header*>(block)->kind;
  if (kind == kOutside) {
    std::free(block);
    return;
  }
  auto* freed = static_cast<Free*>(memory);
  freed->next = lists[kind];
  lists[kind] = freed;
}
// NOLINTEND(cppcoreguidelines-no-malloc)

}  // namespace

void* operator new(std::size_t size) {
  return get(size);
}
void* operator new[](std::size_t size) {
  return get(size);
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete[](void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}

#endif
