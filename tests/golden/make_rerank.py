#!/usr/bin/env python3
"""Golden values for tests/test_rerank.sh: sentence_transformers.CrossEncoder.rank on the small checkpoint
cases/02-regression, with its logit as the score and with the logistic function of it.

usage: make_rerank.py tests/golden/cases/02-regression tests/golden/rerank.txt  (sentence-transformers 6.2 made them)
"""
import json
import os
import shutil
import sys
import tempfile

from sentence_transformers import CrossEncoder

QUERY = "is the movie great"
DOCUMENTS = ["the movie was great", "a dog sat", "paris is fast", "hello (world)!", "", "the price rises", "cat",
             "the movie was awful", "london", "is london not slow and is the dog fast"]

case, out = sys.argv[1:]
with open(out, "w") as f:
    for name, function in ("raw", "Identity"), ("sigmoid", "Sigmoid"):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(case, folder, dirs_exist_ok=True)
            path = os.path.join(folder, "config.json")
            with open(path) as c:
                config = json.load(c)
            del config["problem_type"]
            config["sentence_transformers"] = {"activation_fn": f"torch.nn.modules.{'linear' if name == 'raw' else 'activation'}.{function}"}
            with open(path, "w") as c:
                json.dump(config, c)
            for r in CrossEncoder(folder).rank(QUERY, DOCUMENTS):
                f.write(f"{name} {r['corpus_id']} {float(r['score']):.7f}\n")
