/* clock.h - time that passes, for measuring; no time of day. */
#ifndef LN_OS_CLOCK_H
#define LN_OS_CLOCK_H

/* Seconds since some moment in the past, never going back. */
double ln_seconds(void);

#endif
