#!/usr/bin/env python3
"""Makes tests/golden/cases/46-eurobert, a small EuroBERT with shared keys, and prints what PyTorch's class answers.

usage: make_eurobert.py tests/golden/cases/46-eurobert > tests/golden/eurobert.h

Prints the ids of a text, and for each kind of classifier_pooling the logits, for tests/test_eurobert.c. Needs torch and
transformers 5. The weights are kept as 16-bit floats, which both sides read exactly.
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import EuroBertConfig, EuroBertForSequenceClassification

IDS = [2, 10, 11, 12, 39, 23, 31, 5, 3]
POOLINGS = ("bos", "mean", "late")


def main(folder):
    torch.manual_seed(46)
    settings = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                    head_dim=12, intermediate_size=48, max_position_embeddings=64, attention_bias=True,
                    rms_norm_eps=1e-3, rope_parameters={"rope_type": "default", "rope_theta": 500.0}, pad_token_id=0,
                    bos_token_id=2, eos_token_id=3, mask_token_id=4, num_labels=3)
    model = EuroBertForSequenceClassification(EuroBertConfig(**settings)).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1 and "norm" in name:
                p.uniform_(0.5, 1.5)
            elif p.dim() == 1:
                p.normal_(0, 0.3)
            else:
                p.normal_(0, 1 if "embed" in name else 1.5 / p.shape[1] ** 0.5)
            p.copy_(p.half().float())
        answers = {}
        for pooling in POOLINGS:
            model.classifier_pooling = pooling
            answers[pooling] = model(torch.tensor([IDS])).logits[0].tolist()
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()},
              os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        config = dict({k: v for k, v in settings.items() if k != "num_labels"}, model_type="eurobert",
                      architectures=["EuroBertForSequenceClassification"], hidden_act="silu")
        json.dump(config, f, indent=1)
        f.write("\n")
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:  # no test reads texts
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(97 + i % 26) * (1 + i // 26)
                                                                          for i in range(35)]) + "\n")
    print("/* Printed by tests/golden/make_eurobert.py. */")
    print(f"static const int32_t eurobert_ids[{len(IDS)}] = {{{', '.join(map(str, IDS))}}};")
    print("/* classifier_pooling: bos, mean, late */")
    print("static const float eurobert_logits[3][3] = {")
    for pooling in POOLINGS:
        print("    {" + ", ".join(f"{x:.9g}f" for x in answers[pooling]) + "},")
    print("};")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
