/* Digests (XXH3-64 over int32, little-endian, text after text) of the integers behind the answers: the bits
   that every CPU must give. Printed by `build/<triple>/tests/test_golden --digests`; a change here is a
   change of the numbers and needs its reason in the commit. */
#ifndef TESTS_GOLDEN_DIGESTS_H
#define TESTS_GOLDEN_DIGESTS_H

/* logits of the first 64 texts of sentiment_reference.bin */
#define DIGEST_SENTIMENT_64 0x963da166eda0808eu
/* of all of them */
#define DIGEST_SENTIMENT_872 0x466f8edaa1aa15eau
/* odd-distil: logits of the first 16 texts beside its checkpoint */
#define DIGEST_ODD_16 0xbfcfb9af984e998bu
/* of all of them */
#define DIGEST_ODD_200 0xab424b45a2dd7c5bu
/* embeddings of the first 16 texts of sentiment_reference.bin */
#define DIGEST_SENTIMENT_EMBED 0x60d58cc2181ce0ffu

#endif
