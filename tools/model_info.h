#ifndef TERN_MODEL_INFO_H
#define TERN_MODEL_INFO_H

/* tern info MODEL.tern; returns the exit code. */
int info_model(const char *path, int json);

#endif
