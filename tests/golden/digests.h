/* Digests (XXH3-64 over int32, little-endian, text after text) of the integers behind the answers: the bits
   that every CPU must give. Printed by `build/<triple>/tests/test_golden --digests`; a change here is a change
   of the numbers and needs its reason in the commit. */
#ifndef TESTS_GOLDEN_DIGESTS_H
#define TESTS_GOLDEN_DIGESTS_H

/* logits of the first 64 texts of sentiment_reference.bin */
#define DIGEST_SENTIMENT_64 0xc11fc294322718d4u
/* of all of them */
#define DIGEST_SENTIMENT_872 0xc9919acc396e8c53u
/* odd-distil: logits of the 200 texts beside its checkpoint */
#define DIGEST_ODD 0xed443bef3e2d1b5du
/* embeddings of the first 64 texts */
#define DIGEST_SENTIMENT_EMBED 0x7ad80f13802f9f78u

#endif
