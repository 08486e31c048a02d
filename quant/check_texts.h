/* Texts on which a converted model is compared with the f32 model. Host side. */
#ifndef TERN_CHECK_TEXTS_H
#define TERN_CHECK_TEXTS_H

/* UTF-8, none empty. None is among the built-in texts that models are calibrated on (quant/builtin_texts.h): those
   would flatter what was made of them. */
enum { TERN_CHECK_TEXTS = 48 };
extern const char *const tern_check_texts[TERN_CHECK_TEXTS];

#endif
