// MessageWalk: where the messages of a stream begin and end, in pieces of any size, without keeping
// them (PostgreSQL manual, 53.7: a type byte, a length that counts itself, a body).
//
// Bodies that are asked for are handed out whole, from the piece itself where they lie in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pgwire/bytes.h"

namespace pgherd::pgwire {

class MessageWalk {
 public:
  // Longer ones are passed over even if they are asked for.
  static constexpr std::size_t kBodyMax = 16U << 10U;

  [[nodiscard]] bool is_between_messages() const { return head_size_ == 0 && left_ == 0; }

  // `wants(type)`: is the body asked for? `take(type, body)`: every message once its head is
  // complete, with an empty body unless asked for; those that are, when they are there as a whole.
  // False: this is no stream of messages, and what follows means nothing.
  template <typename Wants, typename Take>
  bool walk(std::string_view bytes, const Wants& wants, const Take& take) {
    while (!bytes.empty()) {
      if (left_ > 0) {
        pass(bytes, take);
        continue;
      }
      if (!read_head(bytes)) return true;
      const std::uint32_t length = read_u32(std::string_view(head_ + 1, 4));
      if (length < 4 || length > kLengthMax) return false;
      head_size_ = 0;
      left_ = length - 4;
      is_kept_ = wants(head_[0]) && left_ <= kBodyMax;
      if (!is_kept_ || left_ == 0) {
        is_kept_ = false;
        take(head_[0], std::string_view());
      }
    }
    return true;
  }

 private:
  static constexpr std::uint32_t kLengthMax = 0x3FFFFFFF;  // as PostgreSQL's own
  static constexpr std::size_t kHeadSize = 5;

  bool read_head(std::string_view& bytes) {
    while (head_size_ < kHeadSize && !bytes.empty()) {
      head_[head_size_++] = bytes.front();
      bytes.remove_prefix(1);
    }
    return head_size_ == kHeadSize;
  }

  template <typename Take>
  void pass(std::string_view& bytes, const Take& take) {
    const std::string_view part = bytes.substr(0, left_);
    bytes.remove_prefix(part.size());
    left_ -= static_cast<std::uint32_t>(part.size());
    if (!is_kept_) return;
    if (left_ > 0) {
      kept_ += part;
      return;
    }
    is_kept_ = false;
    if (kept_.empty()) return take(head_[0], part);
    kept_ += part;
    const std::string whole = std::move(kept_);
    kept_ = {};
    take(head_[0], std::string_view(whole));
  }

  char head_[kHeadSize] = {};
  std::uint8_t head_size_ = 0;
  bool is_kept_ = false;
  std::uint32_t left_ = 0;  // of the present message's body
  std::string kept_;
};

}  // namespace pgherd::pgwire
