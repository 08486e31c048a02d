/* Digests (XXH3-64 over int32, little-endian, text after text) of the integers behind the answers: the bits
   that every CPU must give. Printed by `build/<triple>/tests/test_golden --digests`; a change here is a change
   of the numbers and needs its reason in the commit. */
#ifndef TESTS_GOLDEN_DIGESTS_H
#define TESTS_GOLDEN_DIGESTS_H

/* logits of the first 64 texts of sentiment_reference.bin */
#define DIGEST_SENTIMENT_64 0xe702373fd2f0f8a6u
/* of all of them */
#define DIGEST_SENTIMENT_872 0xca333e9ce0ae9d71u
/* odd-distil: logits of the first 16 texts beside its checkpoint */
#define DIGEST_ODD_16 0xdccbb93acc545315u
/* of all of them */
#define DIGEST_ODD_200 0x227e4a59b9a0602bu
/* embeddings of the first 16 texts of sentiment_reference.bin */
#define DIGEST_SENTIMENT_EMBED 0xa774002970bbcf28u

#endif
