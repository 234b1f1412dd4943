#include "codec/config_sources.h"

#include <algorithm>
#include <filesystem>

#include "codec/config.h"
#include "codec/config_environment.h"
#include "codec/text_file.h"

namespace pgherd {
namespace {

using Remarks = std::vector<std::string>;

YamlNode read_document(const std::string& text, const std::string& source, Remarks& remarks) {
  try {
    YamlNode root = read_yaml(text, source, &remarks);
    if (root.kind == YamlNode::Kind::Null) root.kind = YamlNode::Kind::Map;
    if (root.kind != YamlNode::Kind::Map) {
      throw ConfigError(source + ": the document is no map; allowed is a map of sections");
    }
    return root;
  } catch (const YamlError& problem) {
    throw ConfigError(problem.what());
  }
}

YamlNode read_file(const std::string& path, Remarks& remarks) {
  const Result<std::string, std::string> text = read_text_file(path);
  if (!text) throw ConfigError(text.error() + "; name an existing configuration file");
  return read_document(*text, path, remarks);
}

YamlNode read_directory(const std::string& path, Remarks& remarks) {
  std::vector<std::string> files;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(path, problem)) {
    const std::string extension = entry.path().extension().string();
    if ((extension == ".yml" || extension == ".yaml") && entry.is_regular_file(problem)) {
      files.push_back(entry.path().string());
    }
  }
  if (problem) throw ConfigError(path + ": cannot be listed: " + problem.message());
  if (files.empty()) throw ConfigError(path + ": this directory holds no *.yml and no *.yaml file");
  std::sort(files.begin(), files.end());
  YamlNode root{.kind = YamlNode::Kind::Map};
  for (const std::string& file : files)
    merge_yaml(root, read_file(file, remarks));
  return root;
}

}  // namespace

ConfigSources read_config_sources(const std::string& path,
                                  const std::map<std::string, std::string>& environment) {
  const auto whole = environment.find("PATRONI_CONFIGURATION");
  if (path.empty() && whole != environment.end() && !whole->second.empty()) {
    const std::string source = "variable PATRONI_CONFIGURATION";
    ConfigSources sources{.name = source};
    sources.root = read_document(whole->second, source, sources.remarks);
    return sources;
  }
  EnvironmentTree variables = read_environment(environment);
  ConfigSources sources{.root = std::move(variables.fallback), .name = "the PATRONI_* variables"};
  if (!path.empty()) {
    std::error_code ignored;  // read_file says what is wrong with the path
    const bool is_directory = std::filesystem::is_directory(path, ignored);
    merge_yaml(sources.root, is_directory ? read_directory(path, sources.remarks)
                                          : read_file(path, sources.remarks));
    sources.name = path;
  }
  merge_yaml(sources.root, variables.root);
  sources.unknown_variables = std::move(variables.unknown);
  return sources;
}

std::string read_namespace(const Section& root, const std::string& otherwise) {
  std::string text = root.text_or("namespace", otherwise);
  while (text.starts_with('/'))
    text.erase(0, 1);
  while (text.ends_with('/'))
    text.pop_back();
  return text;
}

}  // namespace pgherd
