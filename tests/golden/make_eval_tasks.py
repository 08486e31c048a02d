#!/usr/bin/env python3
"""Golden values for tests/test_eval_tasks.sh: small data, predictions for it, and the figures that the usual scorers
compute of them.

usage: make_eval_tasks.py tests/golden/eval tests/golden/cases
                                                   (scikit-learn 1.9, SciPy 1.17, seqeval 1.2.2, pytrec_eval 0.5
                                                    and sentence-transformers 6.2 made them)

Of SQuAD the scores are computed here, as the task's authors describe them, with Python's own str.lower, str.split and
regular expressions. Writes the data and `figures`: a line of ARGUMENTS|NAME VALUE|NAME VALUE ... for each call; and
`model_figures`, the same of small checkpoints as PyTorch runs them, with MODEL before the arguments.
"""
import collections
import json
import os
import random
import re
import string
import sys

import numpy as np
import pytrec_eval
from scipy import stats
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator
from seqeval import metrics
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

rng = random.Random(5)
OUT, CASES = sys.argv[1:]
figures = []


def write(name, text):
    path = os.path.join(OUT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)


def expect(arguments, **values):
    figures.append(arguments + "".join(f"|{name} {float(value):.10g}" for name, value in values.items()))


def lines(values):
    return "".join(f"{v}\n" for v in values)


# ---- GLUE ----

CLASSES = {"sst2": ["negative", "positive"], "mnli": ["entailment", "neutral", "contradiction"],
           "qnli": ["entailment", "not_entailment"], "rte": ["entailment", "not_entailment"],
           "mrpc": ["not_equivalent", "equivalent"], "cola": ["unacceptable", "acceptable"]}


def classes_of(task, gold, predicted):
    values = {"accuracy": accuracy_score(gold, predicted)}
    if task == "mrpc":
        values["f1"] = f1_score(gold, predicted, zero_division=0)
    if task == "cola":
        values["matthews"] = matthews_corrcoef(gold, predicted)
    return values


def glue():
    for task, names in CLASSES.items():
        n = 40
        gold = [rng.randrange(len(names)) for _ in range(n)]
        predicted = [g if rng.random() < 0.7 else rng.randrange(len(names)) for g in gold]
        one = task in ("sst2", "cola")
        first, second = ("question", "sentence") if task == "qnli" else ("sentence1", "sentence2")
        row = lambda i: {"sentence": f'It "is" {i}.'} if one else {first: f"It is {i}.", second: f"{i} it is"}
        # As GLUE's own files are.
        if task == "sst2":
            text = "sentence\tlabel\n" + "".join(f'It "is" {i}.\t{g}\n' for i, g in enumerate(gold))
        elif task == "cola":
            text = "".join(f'gj04\t{g}\t{"" if g else "*"}\tIt "is" {i}.\n' for i, g in enumerate(gold))
        elif task == "mrpc":
            text = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n" + "".join(
                f"{g}\t70\t71\tIt is {i}.\t{i} it is\n" for i, g in enumerate(gold))
        elif task == "mnli":
            text = "index\tgenre\tsentence1\tsentence2\tlabel1\tgold_label\n" + "".join(
                f"{i}\tx\tIt is {i}.\t{i} it is\t{names[rng.randrange(3)]}\t{names[g]}\n" for i, g in enumerate(gold))
        else:
            text = f"index\t{first}\t{second}\tlabel\n" + "".join(
                f"{i}\tIt is {i}.\t{i} it is\t{names[g]}\n" for i, g in enumerate(gold))
        write(f"{task}.tsv", text)
        write(f"{task}.jsonl", lines(json.dumps({**row(i), "label": g, "idx": i}) for i, g in enumerate(gold)))
        write(f"{task}.labels", lines(predicted))
        write(f"{task}.submission", "index\tprediction\n" + "".join(f"{i}\t{names[p]}\n" for i, p in enumerate(predicted)))
        for data in "tsv", "jsonl":
            for given in "labels", "submission":
                expect(f"--task {task} {task}.{data} --predictions {task}.{given}",
                       **classes_of(task, gold, predicted))
        write(f"{task}.same", lines([1] * n))
        expect(f"--task {task} {task}.tsv --predictions {task}.same", **classes_of(task, gold, [1] * n))
    # No row is of class 1, and none is said to be.
    write("none.jsonl", lines(json.dumps({"sentence1": "a", "sentence2": "b", "label": 0}) for _ in range(3)))
    write("none.labels", lines(["not_equivalent"] * 3))
    expect("--task mrpc none.jsonl --predictions none.labels", accuracy=1, f1=0)
    gold = [round(rng.uniform(0, 5) * 4) / 4 for _ in range(40)]
    predicted = [round(g + rng.gauss(0, 1), 1) for g in gold]
    write("stsb.tsv", "index\tgenre\tsentence1\tsentence2\tscore\n" + "".join(
        f"{i}\tx\tIt is {i}.\t{i} it is\t{g}\n" for i, g in enumerate(gold)))
    write("stsb.scores", lines(predicted))
    expect("--task stsb stsb.tsv --predictions stsb.scores", pearson=stats.pearsonr(gold, predicted)[0],
           spearman=stats.spearmanr(gold, predicted)[0])


# ---- SQuAD ----

def normalized(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(gold, answer, version):
    g, a = normalized(gold).split(), normalized(answer).split()
    if version == 2 and (not g or not a):
        return int(g == a)
    same = sum((collections.Counter(g) & collections.Counter(a)).values())
    if not same:
        return 0
    precision, recall = same / len(a), same / len(g)
    return 2 * precision * recall / (precision + recall)


def squad_scores(questions, answers, version):
    exact, partial = {}, {}
    for q, gold in questions.items():
        gold = gold if version == 1 else [g for g in gold if normalized(g)] or [""]
        if q in answers:
            exact[q] = max(int(normalized(g) == normalized(answers[q])) for g in gold)
            partial[q] = max(f1(g, answers[q], version) for g in gold)
    return exact, partial


def mean(scores, which, whole):
    return sum(scores.get(q, 0) for q in which) / whole


# Gold answers and what is predicted, or None.
ODD = [
    (["The Eiffel Tower", "Eiffel tower"], "eiffel tower."), (["a"], "the"), (["an apple"], "Apple a day"),
    (["Zürich", "Zurich"], "zürich"), (["ΟΔΟΣ"], "οδος"), (["ΟΔΟΣ ΣΑΣ."], "οδοσ σας"), (["İstanbul"], "i̇stanbul"),
    (["“quoted”"], "quoted"), (["“quoted”"], "“Quoted”"), (["U.S."], "US"), (["it's"], "its"),
    (["10–20 km"], "10-20 km"), (["a\u0301b c"], "\u0301b c"), (["the_end"], "theend"), (["x\u00a0y"], "x y"),
    (["x\u200by"], "x y"), (["x\u3000y\u001cz"], "X Y Z"), (["½ cup"], "a ½ cup"), (["a½"], "½"), (["the中文"], "中文"),
    (["中文 the 中文"], "中文 中文"), (["to be to be"], "to to to be"), (["one two", "two three four"], "three four"),
    (["..."], "a"), (["..."], ""), (["..."], "!?"), (["B-52s"], "b52s"), (["Straße"], "STRASSE"), (["ǅ"], "ǆ"),
    (["a\u00b2"], "a\u00b2 the"), (["Ⅷ"], "ⅷ"), (["ﬁ"], "fi"), (["the an a"], "a"), (["5%"], "5 %"),
    (["one\ttwo\none"], "one two  one"), (["missing"], None), (["K"], "\u212a"), (["e\u0301 the"], "é"),
]


def squad():
    words = "the a cat sat on an old mat in Rome 1999 with “Ann” and Bob".split()
    cases = list(ODD)
    for _ in range(40):
        gold = [" ".join(rng.sample(words, rng.randint(1, 5))) for _ in range(rng.randint(1, 3))]
        cases.append((gold, rng.choice(gold + [" ".join(rng.sample(words, rng.randint(1, 6)))])))
    qa = lambda i, gold: {"id": f"q{i}", "question": "What?", "answers": [{"text": g, "answer_start": 0} for g in gold]}
    questions = {f"q{i}": gold for i, (gold, _) in enumerate(cases)}
    answers = {f"q{i}": a for i, (_, a) in enumerate(cases) if a is not None}
    answers["other"] = "of no question"
    data = {"version": "1.1", "data": [{"title": "t", "paragraphs": [
        {"context": "c", "qas": [qa(i, g) for i, (g, _) in enumerate(cases)][k::2]} for k in range(2)]}]}
    write("squad1.json", json.dumps(data, ensure_ascii=False, indent=1))
    write("squad1.predictions", json.dumps(answers))
    exact, partial = squad_scores(questions, answers, 1)
    one = dict(exact_match=mean(exact, questions, len(questions)), f1=mean(partial, questions, len(questions)),
               missing=1, n=len(questions))
    expect("--task squad squad1.json --predictions squad1.predictions", **one)
    # An object in each line, as the data set library writes them.
    write("squad1.jsonl", lines(json.dumps({"id": f"q{i}", "title": "t", "context": "c", "question": "What?",
                                            "answers": {"text": g, "answer_start": [0] * len(g)}})
                                for i, (g, _) in enumerate(cases)))
    expect("--task squad squad1.jsonl --predictions squad1.predictions", **one)

    cases = [c for c in cases if c[1] is not None] + [([], "")] * 6 + [([], "an"), ([], "something"), (["x"], "")] * 3
    questions = {f"q{i}": gold for i, (gold, _) in enumerate(cases)}
    answers = {f"q{i}": a for i, (_, a) in enumerate(cases)}
    data = {"version": "v2.0", "data": [{"title": "t", "paragraphs": [
        {"context": "c", "qas": [{**qa(i, g), "is_impossible": not g} for i, (g, _) in enumerate(cases)]}]}]}
    write("squad2.json", json.dumps(data))
    write("squad2.predictions", json.dumps(answers, ensure_ascii=False))
    doubts = {q: round(rng.random(), 1) for q in questions}
    write("squad2.doubts", json.dumps(doubts))
    raw = squad_scores(questions, answers, 2)
    for least, name in (1.0, ""), (0.55, " --no-answers squad2.doubts --no-answer-threshold 0.55"):
        values = {"n": len(questions)}
        scores = raw
        if name:
            for kind, s in zip(("exact", "f1"), raw):
                now = best = sum(not g for g in questions.values())
                thresh = 0.0
                for q in sorted(doubts, key=lambda k: doubts[k]):
                    now += s[q] if questions[q] else -1 if answers[q] else 0
                    if now > best:
                        best, thresh = now, doubts[q]
                values[f"best_{kind}"], values[f"best_{kind}_thresh"] = best / len(s), thresh
            scores = [{q: float(not questions[q]) if doubts[q] > least else v for q, v in s.items()} for s in raw]
        for prefix, which in (("", list(questions)), ("HasAns_", [q for q in questions if questions[q]]),
                              ("NoAns_", [q for q in questions if not questions[q]])):
            for kind, s in zip(("exact", "f1"), scores):
                key = prefix + kind if prefix or kind == "f1" else "exact_match"
                values[key] = mean(s, which, len(which))
            if prefix:
                values[prefix + "total"] = len(which)
        expect(f"--task squad squad2.json --predictions squad2.predictions{name}", **values)


# ---- Entities ----

def conll():
    tags = ["O"] * 6 + [p + "-" + t for p in "BI" for t in ("PER", "ORG", "LOC")]
    odd = [["B-PER", "I-ORG", "I-PER"], ["I-LOC", "I-LOC", "B-LOC"], ["E-PER", "S-PER", "I-PER"],
           ["B-A-B", "I-A-B", "I-A-C"], ["O", "E-ORG", "O"], ["I-PER"], ["B-PER"], ["S-ORG", "E-ORG", "E-ORG"], ["B", "I", "O"]]
    sentences = [(s, rng.choice([s, s[::-1]])) for s in odd]
    sentences += [(["B-PER"], ["B-PER"]), (["I-PER"], ["I-PER"])]
    for _ in range(30):
        gold = [rng.choice(tags) for _ in range(rng.randint(1, 9))]
        sentences.append((gold, [g if rng.random() < 0.75 else rng.choice(tags) for g in gold]))
    gold, found = [g for g, _ in sentences], [p for _, p in sentences]
    values = dict(precision=metrics.precision_score(gold, found), recall=metrics.recall_score(gold, found),
                  f1=metrics.f1_score(gold, found), accuracy=metrics.accuracy_score(gold, found),
                  entities=len(metrics.sequence_labeling.get_entities(gold)))
    text = "-DOCSTART- -X- -X- O\n\n" + "".join("".join(f"w{i} NN B-NP {t}\n" for i, t in enumerate(g)) + "\n" for g in gold)
    write("conll.txt", text)
    write("conll.labels", "".join(lines(p) + "\n" for p in found))
    write("conll.row", "".join(lines(p) for p in found))
    write("conll.jsonl", lines(json.dumps({"tokens": [f"w{i}" for i in range(len(g))], "ner_tags": g}) for g in gold))
    write("conll.arrays", lines(json.dumps(p) for p in found))
    for data, given in ("txt", "labels"), ("txt", "row"), ("jsonl", "labels"), ("jsonl", "arrays"):
        expect(f"--task conll conll.{data} --predictions conll.{given}", **values)
    write("outside.labels", "".join("O\n" * len(g) + "\n" for g in gold))
    expect("--task conll conll.txt --predictions outside.labels", precision=0, recall=0, f1=0,
           accuracy=metrics.accuracy_score(gold, [["O"] * len(g) for g in gold]))


# ---- Retrieval ----

def retrieval_scores(judged, run, identical):
    run = {q: {d: s for d, s in found.items() if identical or d != q} for q, found in run.items()}
    measures = {"ndcg_cut.10", "recall.10,100,1000", "recip_rank"}
    scores = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(run)
    over = lambda name: sum(s[name] for s in scores.values()) / len(scores)
    values = {"ndcg@10": over("ndcg_cut_10"), "mrr": over("recip_rank"), "n": len(scores),
              "missing": len(judged) - len(scores)}
    for k in 10, 100, 1000:
        values[f"recall@{k}"] = over(f"recall_{k}")
    # BEIR's own: over all judged queries, equal scores in their order.
    mrr = 0
    for q, relevant in judged.items():
        for rank, (d, _) in enumerate(sorted(run.get(q, {}).items(), key=lambda item: -item[1])[:10]):
            if relevant.get(d, 0) > 0:
                mrr += 1 / (rank + 1)
                break
    values["mrr@10"] = mrr / len(judged)
    return values


def retrieval():
    documents = [f"d{i}" for i in range(130)] + ["7", "é"]
    judged = {str(q): {d: rng.choice([0, 1, 1, 2, 3, -1]) for d in rng.sample(documents, rng.randint(1, 14))}
              for q in range(14)}
    judged["none"] = {"d1": 0, "d2": 0}
    judged["absent"] = {"d1": 1}
    judged["7"]["7"] = 1
    run = {}
    for q in [str(q) for q in range(14)] + ["none", "unjudged"]:
        found = rng.sample(documents, rng.randint(1, 120))
        run[q] = {d: round(rng.uniform(0, 3), 1) for d in found}
    run["7"]["7"] = 9.0
    # Equal in single precision alone.
    run["3"] = {d: 1 + i * 1e-10 for i, d in enumerate(run["3"])}
    write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\n" + "".join(
        f"{q}\t{d}\t{r}\n" for q, ds in judged.items() for d, r in ds.items()))
    write("beir.qrels", "".join(f"{q} 0 {d} {r}\n" for q, ds in judged.items() for d, r in ds.items()))
    write("beir.run", "".join(f"{q} Q0 {d} {i + 1} {s!r} x\n" for q, ds in run.items() for i, (d, s) in enumerate(ds.items())))
    run_json = {**run, "2": {}}
    write("beir.json", json.dumps(run_json))
    for data in "beir", "beir.qrels":
        expect(f"--task retrieval {data} --predictions beir.run", **retrieval_scores(judged, run, False))
    expect("--task retrieval beir --predictions beir.json", **retrieval_scores(judged, run_json, False))
    expect("--task retrieval beir --predictions beir.run --identical-ids", **retrieval_scores(judged, run, True))


# ---- Short lists ----

def rerank():
    evaluator = CrossEncoderRerankingEvaluator([], at_k=10)
    lists, scores, results = [], [], []
    for i in range(25):
        positive, negative = rng.randint(1, 4), rng.randint(1, 14)
        s = [round(rng.uniform(0, 1), 1 if i % 2 else 6) for _ in range(positive + negative)]
        if i % 2:  # NumPy's sort need not keep the order of equals: what the reciprocal rank depends on is unequal
            s[rng.randrange(positive)] = 1.55
            s[-1] = rng.choice([0.1, 2.0])
        lists.append({"query": f"q{i}", "positive": [f"p{k}" for k in range(positive)] if i else "p0",
                      "negative": [f"n{k}" for k in range(negative)]})
        if not i:
            s = s[:1] + s[positive:]
            positive = 1
        scores.append(s)
        results.append(evaluator.compute_metrics([1] * positive + [0] * negative, np.array(s)))
    write("rerank.jsonl", lines(json.dumps(v) for v in lists + [{"query": "x", "positive": [], "negative": ["n"]}]))
    write("rerank.scores", lines(json.dumps(s) for s in scores))
    mrr, ndcg, precision = np.mean(results, axis=0)
    expect("--task rerank rerank.jsonl --predictions rerank.scores", **{"map": precision, "mrr@10": mrr, "ndcg@10": ndcg,
                                                                        "n": 25})


# ---- Models ----

WORDS = "the movie was great awful a dog sat paris is fast london not slow hello world price rises falls cat".split()


def model_conll():
    import torch
    from transformers import AutoModelForTokenClassification, BertTokenizerFast
    case = os.path.join(CASES, "03-ner-with-pooler")
    model = AutoModelForTokenClassification.from_pretrained(case).eval()
    tokenizer = BertTokenizerFast(vocab=os.path.join(case, "vocab.txt"), do_lower_case=True)
    labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
    gold, found, sentences = [], [], []
    for _ in range(30):
        words = [rng.choice(WORDS + ["Paris,", "catdog", "(x)", "B.C.", "slower"]) for _ in range(rng.randint(1, 12))]
        tokens = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = model(**tokens).logits[0].argmax(-1)
        ids = tokens.word_ids()
        found.append([labels[best[ids.index(i)]] if i in ids else "O" for i in range(len(words))])
        gold.append([p if rng.random() < 0.6 else rng.choice(labels) for p in found[-1]])
        sentences.append(words)
    write("words.txt", "".join("".join(f"{w} {t}\n" for w, t in zip(s, g)) + "\n" for s, g in zip(sentences, gold)))
    expect("03-ner-with-pooler --task conll words.txt", precision=metrics.precision_score(gold, found),
           recall=metrics.recall_score(gold, found), f1=metrics.f1_score(gold, found),
           accuracy=metrics.accuracy_score(gold, found))


def model_retrieval():
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(os.path.join(CASES, "05-default-prompt"))
    text = lambda n: " ".join(rng.choice(WORDS) for _ in range(n))
    corpus = {f"d{i}": {"title": text(2) if i % 3 else "", "text": text(rng.randint(1, 10))} for i in range(60)}
    queries = {f"q{i}": text(rng.randint(1, 5)) for i in range(12)}
    judged = {q: {d: rng.randint(0, 2) for d in rng.sample(list(corpus), 9)} for q in list(queries)[:10]}
    whole = {d: (c["title"] + " " + c["text"]).strip() for d, c in corpus.items()}
    documents = model.encode_document(list(whole.values()), normalize_embeddings=True)
    run = {q: dict(zip(corpus, map(float, documents @ model.encode_query(queries[q], normalize_embeddings=True)))) for q in judged}
    write("search/corpus.jsonl", lines(json.dumps({"_id": d, **c}) for d, c in corpus.items()))
    write("search/queries.jsonl", lines(json.dumps({"_id": q, "text": t, "metadata": {}}) for q, t in queries.items()))
    write("search/qrels/test.tsv", "query-id\tcorpus-id\tscore\n" + "".join(
        f"{q}\t{d}\t{r}\n" for q, ds in judged.items() for d, r in ds.items()))
    expect("05-default-prompt --task retrieval search", **retrieval_scores(judged, run, False))


glue()
squad()
conll()
retrieval()
rerank()
write("figures", lines(figures))
figures.clear()
model_conll()
model_retrieval()
write("model_figures", lines(figures))
