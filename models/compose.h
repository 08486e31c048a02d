/* NFC, NFD, NFKC and NFKD of Unicode 9, with the places of Hugging Face's. */
#ifndef TERN_COMPOSE_H
#define TERN_COMPOSE_H

#include "models/line.h"

/* Rewrites all of r->in into r->out. */
void tern_normal_form(struct tern_rewrite *r, int compatible, int composed);

#endif
