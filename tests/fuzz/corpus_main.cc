// Runs a fuzz target without libFuzzer: over every file of its corpus, and over changes of them
// that always the same dice draw. corpus_main <corpus folder> [<changes of each file>]. What breaks
// is left as `fuzz_input` in the working folder, to become a part of the corpus.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"

namespace {

using Dice = std::mt19937_64;

std::size_t draw(Dice& dice, std::size_t below) {
  return below == 0 ? 0 : static_cast<std::size_t>(dice() % below);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One small change: a bit, a byte, a piece that is lost, doubled, or taken from another file.
std::string changed(std::string text, const std::vector<std::string>& corpus, Dice& dice) {
  const std::size_t at = draw(dice, text.size() + 1);
  const std::size_t length = std::min(draw(dice, 16), text.size() - std::min(at, text.size()));
  switch (dice() % 5) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << draw(dice, 8)));
      break;
    case 1:
      text.insert(at, 1, static_cast<char>(dice() & 0xFFU));
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(at, text.substr(at, length));
      break;
    default: {
      const std::string& other = corpus[draw(dice, corpus.size())];
      const std::size_t from = draw(dice, other.size());
      text.insert(at, other.substr(from, draw(dice, 32)));
    }
  }
  return text;
}

const std::string* present = nullptr;

void leave_input(int signal) {
  // Whatever this can still do: the process is lost anyway.
  if (present != nullptr) std::ofstream("fuzz_input", std::ios::binary) << *present;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const std::string& text) {
  present = &text;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " <corpus folder> [<changes of each file>]\n";
    return 2;
  }
  const int changes = argc > 2 ? std::atoi(argv[2]) : 500;
  std::vector<std::string> corpus;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    corpus.push_back(read(entry.path()));
  }
  if (corpus.empty()) {
    std::cerr << argv[1] << " holds nothing to begin with\n";
    return 2;
  }
  std::sort(corpus.begin(), corpus.end());
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGTERM})
    std::signal(signal, leave_input);
  Dice dice(1);
  for (const std::string& text : corpus) {
    run(text);
    std::string walk = text;
    for (int i = 0; i < changes; ++i) {
      // Now and then it begins anew, or the text would soon be noise.
      if (draw(dice, 8) == 0) walk = text;
      walk = changed(std::move(walk), corpus, dice);
      run(walk);
    }
  }
  std::cout << corpus.size() << " files, " << changes << " changes of each\n";
  return 0;
}
