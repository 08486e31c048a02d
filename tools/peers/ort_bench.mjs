// Times one ONNX graph in ONNX Runtime.
//
//   node ort_bench.mjs --graph G.onnx [-t 1] [--level basic] -s 16,128 -b 1 -r 20     one JSON record per (seq, batch)
//   node ort_bench.mjs --graph G.onnx [-t 1] [--level basic] --serve                  commands on stdin, JSON on stdout
//
// Commands of --serve, one per line, one line of answer each:
//   run SEQ BATCH RUNS    {"ms": [...]}       RUNS timed inferences, after one untimed
//   vector SEQ            {"vector": [...]}   the last hidden state of the first token, to check graphs by
//   quit
//
// run() of onnxruntime-node is one setImmediate hop (2 us) and then a synchronous native call, so the time around it is
// the engine's own. The thread pool spins by default; that helps ORT at -t 2 and is left on.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import ort from 'onnxruntime-node';

const VOCAB = 30522;

function ortVersion() {
    const path = new URL('./node_modules/onnxruntime-node/package.json', import.meta.url);
    return JSON.parse(readFileSync(path, 'utf8')).version;
}

// Ids spread over the vocabulary, so that the embedding rows are not all in cache by accident. No padding: every text
// has SEQ tokens, as in `tern bench`.
function feedsOf(session, seq, batch) {
    const make = {
        input_ids: (i) => 1000 + (i * 7919) % (VOCAB - 1000),
        token_type_ids: () => 0,
        attention_mask: () => 1,
    };
    const feeds = {};
    for (const name of session.inputNames) {
        const data = Int32Array.from({ length: seq * batch }, (_, i) => make[name](i));
        feeds[name] = new ort.Tensor('int32', data, [batch, seq]);
    }
    return feeds;
}

async function burst(session, seq, batch, runs) {
    const feeds = feedsOf(session, seq, batch);
    await session.run(feeds);
    const ms = [];
    for (let i = 0; i < runs; i++) {
        const start = performance.now();
        await session.run(feeds);
        ms.push(performance.now() - start);
    }
    return ms;
}

async function vector(session, seq) {
    const out = (await session.run(feedsOf(session, seq, 1))).last_hidden_state;
    return Array.from(out.data.subarray(0, out.dims[2]));
}

function record(ms) {
    const sorted = [...ms].sort((a, b) => a - b);
    const n = sorted.length;
    // Nearest rank.
    const at = (p) => sorted[Math.max(0, Math.ceil(p * n) - 1)];
    const mean = ms.reduce((a, b) => a + b, 0) / n;
    const sd = Math.sqrt(ms.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, n - 1));
    return { n, min_ms: sorted[0], p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), mean_ms: mean, sd_ms: sd };
}

async function serve(session, hello) {
    const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
    say(hello);
    for await (const line of createInterface({ input: process.stdin })) {
        const [word, ...numbers] = line.trim().split(/\s+/);
        const [seq, batch, runs] = numbers.map(Number);
        try {
            if (word === 'quit') break;
            if (word === 'run') say({ ms: await burst(session, seq, batch, runs) });
            else if (word === 'vector') say({ vector: await vector(session, seq) });
            else say({ error: `unknown command ${word}` });
        } catch (error) {
            say({ error: String(error.message ?? error).split('\n')[0] });
        }
    }
}

async function main() {
    const { values: o } = parseArgs({
        options: {
            graph: { type: 'string' },
            threads: { type: 'string', short: 't', default: '1' },
            level: { type: 'string', default: 'basic' },
            seq: { type: 'string', short: 's', default: '16,32,128,384' },
            batch: { type: 'string', short: 'b', default: '1' },
            runs: { type: 'string', short: 'r', default: '20' },
            serve: { type: 'boolean', default: false },
        },
    });
    if (!o.graph) throw new Error('--graph FILE is needed');
    const threads = Number(o.threads);
    const start = performance.now();
    const session = await ort.InferenceSession.create(o.graph, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: o.level,
    });
    const loadMs = performance.now() - start;
    const hello = { engine: 'onnxruntime', version: ortVersion(), threads, level: o.level, load_ms: loadMs };
    if (o.serve) return serve(session, hello);
    for (const batch of o.batch.split(',').map(Number)) {
        for (const seq of o.seq.split(',').map(Number)) {
            const ms = await burst(session, seq, batch, Number(o.runs));
            console.log(JSON.stringify({ ...hello, seq, batch, ...record(ms) }));
        }
    }
}

main().catch((error) => {
    console.error(`ort_bench: ${error.message}`);
    process.exitCode = 1;
});
