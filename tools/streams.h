/* The state of the standard descriptors, before a command runs and after it. */
#ifndef TERN_STREAMS_H
#define TERN_STREAMS_H

/* Opens those of descriptors 0 to 2 that are closed, so that no file gets their number; reading or writing them goes on
   to fail. Where standard output is a pipe that does not block, makes it one that does. */
void streams_start(void);
/* After standard output was closed: waits until everything is out. Returns `code`, or CLI_FAILED with a line. */
int streams_end(int code);

#endif
