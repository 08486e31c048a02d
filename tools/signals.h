/* Signals: what they must not leave behind, and how a long measurement ends early in good order. */
#ifndef TERN_SIGNALS_H
#define TERN_SIGNALS_H

#include "runtime/base/writer.h"

/* HUP, INT, TERM, QUIT, PIPE and XCPU remove the file that is being written, and then end the program as they would
   have; those that whoever started us ignores (nohup) stay ignored, but for PIPE: `tern ... | head` would work on for
   nobody. A file that grows beyond ulimit -f is an error, no signal. */
void signals_start(void);
/* Opens as tern_writer_open does, so that there is no moment at which a signal leaves the temporary file behind. There
   is one such file at a time. */
tern_status signals_open(struct tern_writer *writer, const char *path, const char *spool, tern_error *err);
/* The file has its name, or is gone. */
void signals_forget(void);

/* From here on, the first signal that asks the program to end is only noted. */
void signals_defer(void);
/* The number of that signal, 0: none. */
int signals_noted(void);
/* Ends the program by the signal that was noted, so that whoever started us sees it; returns when there was none. */
void signals_end(void);

#endif
