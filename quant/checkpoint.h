/* A Hugging Face checkpoint's weights under canonical names, as float32, whatever spelling the file uses. */
#ifndef TERN_CHECKPOINT_H
#define TERN_CHECKPOINT_H

#include "models/parts.h"
#include "quant/purpose.h"
#include "quant/weight_files.h"

struct tern_checkpoint {
    struct tern_config config;
    struct tern_weight_files weights;               /* by names without wrappers */
    char *names;                                    /* owns those */
    struct tern_weight_files dense[TERN_MAX_DENSE]; /* [config.n_dense] of Dense modules */
};

/* Opens `directory`: config and weights (see weight_files.h); checks that every tensor the architecture needs is there,
   with the right shape and a float dtype, and that every other one may be left out; settles config.pooler, config.head,
   config.n_labels and config.output. `purpose` says what is asked and who is told; NULL: nothing and nobody. TERN_IO,
   TERN_FORMAT, TERN_NOMEM, TERN_USAGE (the task). */
tern_status tern_checkpoint_open(struct tern_checkpoint *out, const char *directory, struct tern_purpose *purpose,
                                 tern_error *err);
void tern_checkpoint_close(struct tern_checkpoint *checkpoint);

/* Copies the tensor of a key as float32 into out[count]. Keys are named (tern_key_name)
     embed.word.weight [vocab,hidden]   embed.position.weight [max_positions,hidden]   embed.type.weight [types,hidden]
     embed.norm.{weight,bias} [hidden]
     layer.N.{query,key,value,attn_out}.{weight [hidden,hidden],bias [hidden]}     layer.N.attn_norm.{weight,bias}
     layer.N.ffn_up.{weight [intermediate,hidden],bias}   layer.N.ffn_down.{weight [hidden,intermediate],bias}
     layer.N.ffn_norm.{weight,bias}
     pooler.{weight [hidden,hidden],bias}        (BERT's pooler.dense, DistilBERT's pre_classifier)
     classifier.{weight [n_labels,hidden],bias}
     module.N.dense.{weight [outputs,inputs],bias}    (sentence-transformers' Dense; zeros for a bias that it lacks)
   Weights are [outputs, inputs], row-major, as PyTorch has them. A NaN or an infinity is TERN_FORMAT, and the message
   names the tensor and the element. `count` must be the tensor's number of elements. */
tern_status tern_checkpoint_read(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                 size_t count, tern_error *err);

/* The same of the tensor that the part is called by, without what is multiplied into it (quant/bottleneck.h). */
tern_status tern_checkpoint_read_own(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                     size_t count, tern_error *err);

/* Checks the dtype of a tensor, and its shape against the config. */
tern_status tern_checkpoint_check_tensor(const struct tern_config *config, struct tern_key key,
                                         const struct tern_tensor *tensor, const char *path, tern_error *err);

#endif
