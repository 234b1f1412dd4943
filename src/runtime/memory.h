// What starting up leaves in memory: pages of code and tables that ran once (loading, relocating,
// registering), and freed blocks that malloc keeps. No loop, no threads; usable anywhere.
#pragma once

namespace pgherd {

// Few arenas instead of eight for each core: threads that mostly wait do not need their own. Call
// before the first thread is made. Without effect where malloc is not glibc's.
void keep_malloc_small();

// Gives back the pages of program and libraries that can be read again from their files, and what
// malloc does not use. Nothing is lost: whoever needs a page again gets it from the page cache,
// within microseconds. Call once, when the start is over. Never fails; at worst nothing is given
// back.
void give_back_start_memory();

}  // namespace pgherd
