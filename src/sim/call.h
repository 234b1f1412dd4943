// Call: something to be done later, once. As std::function<void()>, but it is moved, never copied,
// and what it holds lies in it up to a hundred bytes: the world makes thousands of them in each
// virtual minute.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace pgherd::sim {

class Call {
 public:
  Call() = default;
  Call(std::nullptr_t /*none*/) {}  // NOLINT: as std::function
  template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, Call> && std::is_invocable_v<std::decay_t<F>&>)
  Call(F&& what) {  // NOLINT: as std::function
    using Kept = std::decay_t<F>;
    if constexpr (sizeof(Kept) <= kRoom && alignof(Kept) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Kept>) {
      new (room_) Kept(std::forward<F>(what));
      kind_ = &kInside<Kept>;
    } else {
      new (room_) Kept*(new Kept(std::forward<F>(what)));
      kind_ = &kOutside<Kept>;
    }
  }
  Call(Call&& other) noexcept { take(other); }
  Call& operator=(Call&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { reset(); }

  explicit operator bool() const { return kind_ != nullptr; }
  void operator()() { kind_->run(room_); }
  void reset() {
    if (kind_ != nullptr) std::exchange(kind_, nullptr)->destroy(room_);
  }

 private:
  static constexpr std::size_t kRoom = 104;
  struct Kind {
    void (*run)(void* room);
    void (*move)(void* from, void* to);  // and destroys what was moved from
    void (*destroy)(void* room);
  };
  template <typename Kept>
  static constexpr Kind kInside{.run = [](void* room) { (*static_cast<Kept*>(room))(); },
                                .move =
                                    [](void* from, void* to) {
                                      new (to) Kept(std::move(*static_cast<Kept*>(from)));
                                      static_cast<Kept*>(from)->~Kept();
                                    },
                                .destroy = [](void* room) { static_cast<Kept*>(room)->~Kept(); }};
  template <typename Kept>
  static constexpr Kind kOutside{
      .run = [](void* room) { (**static_cast<Kept**>(room))(); },
      .move = [](void* from, void* to) { new (to) Kept*(*static_cast<Kept**>(from)); },
      .destroy = [](void* room) { delete *static_cast<Kept**>(room); }};

  void take(Call& other) {
    kind_ = std::exchange(other.kind_, nullptr);
    if (kind_ != nullptr) kind_->move(other.room_, room_);
  }

  const Kind* kind_ = nullptr;
  alignas(std::max_align_t) std::byte room_[kRoom];
};

}  // namespace pgherd::sim
