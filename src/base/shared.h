// Values that are big, change seldom and are handed around a lot: copying one shares it, changing a
// copy leaves the others as they were. They compare and read like the plain value, so that thought
// stays a function of values while the picture of a whole cluster costs a pointer.
//
// Threads: a value and its copies belong to one thread at a time, as plain values would.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace pgherd {

// As std::optional<T>.
template <typename T>
class Shared {
 public:
  Shared() = default;
  Shared(std::nullopt_t /*none*/) {}                                 // NOLINT: as std::optional
  Shared(T value) : held_(std::make_shared<T>(std::move(value))) {}  // NOLINT: as std::optional
  Shared(std::optional<T> value) {                                   // NOLINT: as std::optional
    if (value) held_ = std::make_shared<T>(*std::move(value));
  }

  [[nodiscard]] bool has_value() const { return held_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  const T& operator*() const { return *held_; }
  const T* operator->() const { return held_.get(); }
  // For changing: whoever shares it keeps what it has. Precondition: has_value().
  T& operator*() { return edit(); }
  T* operator->() { return &edit(); }
  [[nodiscard]] T& edit() {
    if (held_.use_count() > 1) held_ = std::make_shared<T>(*held_);
    return *held_;
  }
  void reset() { held_.reset(); }

  friend bool operator==(const Shared& a, const Shared& b) {
    return a.held_ == b.held_ || (a.held_ && b.held_ && *a.held_ == *b.held_);
  }

 private:
  std::shared_ptr<T> held_;
};

// As the map itself; what reads it sees a const one.
template <typename Map>
class SharedMap {
 public:
  using key_type = typename Map::key_type;
  using mapped_type = typename Map::mapped_type;

  SharedMap() = default;
  SharedMap(Map map) : held_(std::make_shared<Map>(std::move(map))) {}  // NOLINT: is the map

  operator const Map&() const { return get(); }  // NOLINT: is the map
  [[nodiscard]] const Map& get() const {
    static const Map kNone;
    return held_ ? *held_ : kNone;
  }
  [[nodiscard]] auto begin() const { return get().begin(); }
  [[nodiscard]] auto end() const { return get().end(); }
  [[nodiscard]] bool empty() const { return get().empty(); }
  [[nodiscard]] auto size() const { return get().size(); }
  [[nodiscard]] auto find(const key_type& key) const { return get().find(key); }
  [[nodiscard]] bool contains(const key_type& key) const { return get().contains(key); }
  [[nodiscard]] const mapped_type& at(const key_type& key) const { return get().at(key); }

  // For changing: whoever shares it keeps what it has.
  [[nodiscard]] Map& edit() {
    if (!held_) {
      held_ = std::make_shared<Map>();
    } else if (held_.use_count() > 1) {
      held_ = std::make_shared<Map>(*held_);
    }
    return *held_;
  }
  mapped_type& operator[](const key_type& key) { return edit()[key]; }
  auto erase(const key_type& key) { return edit().erase(key); }
  void clear() { held_.reset(); }
  template <typename... Args>
  auto emplace(Args&&... args) {
    return edit().emplace(std::forward<Args>(args)...);
  }

  friend bool operator==(const SharedMap& a, const SharedMap& b) {
    return a.held_ == b.held_ || a.get() == b.get();
  }

 private:
  std::shared_ptr<Map> held_;
};

}  // namespace pgherd
