// Times one GGUF model in llama.cpp, by the protocol of ../ort_bench.mjs --serve:
//   node llama_bench.mjs --model M.gguf [-t 1]
//   run SEQ BATCH RUNS    {"ms": [...]}    RUNS embeddings of one text of SEQ tokens, after one untimed; BATCH is 1
//   quit
// getEmbeddingFor is asynchronous: about 0.1 ms of the time is the way to llama.cpp's thread and back.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { getLlama } from 'node-llama-cpp';

const CLS = 2;
const SEP = 3;
const WORDS = 30000;

const { values: o } = parseArgs({
    options: { model: { type: 'string' }, threads: { type: 'string', short: 't', default: '1' } },
});
const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error' });
const model = await llama.loadModel({ modelPath: o.model, gpuLayers: 0 });
const context = await model.createEmbeddingContext({ contextSize: 512, batchSize: 512, threads: Number(o.threads) });
const manifest = readFileSync(new URL('node_modules/node-llama-cpp/package.json', import.meta.url), 'utf8');
say({ engine: 'llama.cpp', version: JSON.parse(manifest).version });

for await (const line of createInterface({ input: process.stdin })) {
    const [word, ...numbers] = line.trim().split(/\s+/);
    const [seq, batch, runs] = numbers.map(Number);
    if (word === 'quit') break;
    if (word !== 'run' || batch !== 1) {
        say({ error: batch > 1 ? 'one text at a time' : `unknown command ${word}` });
        continue;
    }
    const ids = [CLS, ...Array.from({ length: seq - 2 }, (_, i) => 5 + (i * 7919) % WORDS), SEP];
    const ms = [];
    for (let i = 0; i <= runs; i++) {
        const start = performance.now();
        await context.getEmbeddingFor(ids);
        if (i > 0) ms.push(performance.now() - start);
    }
    say({ ms });
}
process.exit(0);
