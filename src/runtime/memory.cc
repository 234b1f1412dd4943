#include "runtime/memory.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace pgherd {
namespace {

// The loader tells addresses as numbers.
void* at(ElfW(Addr) address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// The kernel's own library is not in a file.
bool is_vdso(const dl_phdr_info& object) {
  return object.dlpi_addr == ::getauxval(AT_SYSINFO_EHDR);
}

// Code that the loader had to write into (DT_TEXTREL) is in no file as it is in memory. Both have
// been out of fashion for decades; the price of believing so would be a crash.
bool has_code_of_its_own(const dl_phdr_info& object) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    if (object.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const auto* entry =
        static_cast<const ElfW(Dyn)*>(at(object.dlpi_addr + object.dlpi_phdr[i].p_vaddr));
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
    }
  }
  return false;
}

int give_back_object(dl_phdr_info* object, std::size_t, void*) {
  if (is_vdso(*object) || has_code_of_its_own(*object)) return 0;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    ::madvise(at(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void keep_malloc_small() {
#ifdef __GLIBC__
  ::mallopt(M_ARENA_MAX, 2);
#endif
}

void give_back_start_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  ::dl_iterate_phdr(give_back_object, nullptr);
}

}  // namespace pgherd
