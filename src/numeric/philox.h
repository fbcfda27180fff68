/* philox.h - the constants of Philox4x32-10, for the definition and for the kernels. */
#ifndef LN_NUMERIC_PHILOX_H
#define LN_NUMERIC_PHILOX_H

#define LN_PHILOX_ROUNDS 10
#define LN_PHILOX_M0 0xD2511F53u
#define LN_PHILOX_M1 0xCD9E8D57u
#define LN_PHILOX_W0 0x9E3779B9u /* the golden ratio */
#define LN_PHILOX_W1 0xBB67AE85u /* sqrt(3) - 1 */

#endif
