#include "runtime/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

namespace pgherd {
namespace {

// Resident pages of files (program and libraries), in kB.
std::size_t resident_file_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("RssFile:", 0) == 0) return std::stoul(line.substr(8));
  return 0;
}

// A table that lies in the program's read-only part, larger than what a fault brings in around it.
constexpr std::size_t kPages = 64;
alignas(4096) const unsigned char kTable[kPages * 4096] = {1, 2, 3};

unsigned sum_of_table() {
  unsigned sum = 0;
  for (std::size_t at = 0; at < sizeof kTable; at += 64)
    sum += static_cast<const volatile unsigned char*>(kTable)[at];
  return sum;
}

TEST(Memory, what_the_start_read_is_given_back_and_comes_again_when_it_is_used) {
  const unsigned before = sum_of_table();
  const std::size_t resident = resident_file_kb();
  give_back_start_memory();
  EXPECT_LT(resident_file_kb(), resident);
  EXPECT_EQ(sum_of_table(), before);
}

TEST(Memory, what_was_written_is_kept) {
  static int counted = 0;
  const std::string text(100000, 'x');
  ++counted;
  give_back_start_memory();
  EXPECT_EQ(counted, 1);
  EXPECT_EQ(text, std::string(100000, 'x'));
  EXPECT_THROW(throw std::runtime_error("the tables for unwinding are there"), std::runtime_error);
}

}  // namespace
}  // namespace pgherd
