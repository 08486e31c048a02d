// The engines that compare.mjs times. A peer is made by open(), which throws Skip with a reason when the peer cannot
// run here; then burst(seq, batch, runs) times RUNS inferences after at least one untimed one and gives
// { min, p50, n } in ms, and close() ends it. A peer with vector(seq) can be checked against another of its kind.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Skip extends Error {}

const BURST_LIMIT_MS = 120_000;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Runs a command to its end; what it printed, or an error that holds its last words.
function output(command, args, env) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: BURST_LIMIT_MS });
        let stdout = '';
        let stderr = '';
        child.stdout.on('data', (data) => { stdout += data; });
        child.stderr.on('data', (data) => { stderr += data; });
        child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
        child.on('close', (code, signal) => {
            if (code === 0) return resolve(stdout);
            const last = stderr.trim().split('\n').pop() || 'it said nothing';
            reject(new Error(`${command} ended with ${signal ?? code}: ${last}`));
        });
    });
}

// One record out of `tern bench --format json`: the object, or a list of them under whatever name.
function benchRecord(text) {
    const data = JSON.parse(text);
    const lists = [data, ...Object.values(data)].filter((value) => Array.isArray(value) && value.length > 0);
    const record = lists.length > 0 ? lists[0][0] : data;
    if (!(record.min_ms > 0) || !(record.p50_ms > 0)) throw new Error('the bench record has no min_ms and p50_ms');
    return record;
}

// Tern is a process per burst: `tern bench` makes its weights, warms up and times inside itself.
export class Tern {
    constructor(options, isa) {
        this.name = isa ? `tern ${isa}` : 'tern';
        this.options = options;
        this.env = { ...process.env };
        delete this.env.TERN_ISA;
        if (isa) this.env.TERN_ISA = isa;
    }

    async open() {
        if (!existsSync(this.options.tern)) throw new Skip(`${this.options.tern} is not built (make)`);
        try {
            await this.burst(16, 1, 1);
        } catch (error) {
            throw new Skip(error.message);
        }
        const version = await output(this.options.tern, ['--version'], this.env).catch(() => 'tern, version unknown');
        this.version = version.trim().split('\n')[0];
    }

    async burst(seq, batch, runs) {
        const { shape, threads, ternArgs } = this.options;
        const args = ['bench', '--shape', shape, '-s', seq, '-b', batch, '-t', threads, '-r', runs, '--format', 'json'];
        const r = benchRecord(await output(this.options.tern, [...args.map(String), ...ternArgs], this.env));
        this.detail = [r.weights, r.sparsity, r.isa].filter((word) => word && word !== 'none').join(' ');
        return { min: r.min_ms, p50: r.p50_ms, n: r.n ?? runs };
    }

    close() {}
}

// An engine that stays up between its bursts, since loading takes longer than timing: a worker that answers lines.
class Worker {
    async start(engine, args) {
        this.child = spawn(process.execPath, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
        this.child.on('error', () => {});
        this.child.stdin.on('error', () => {});
        this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
        try {
            const hello = await this.answer();
            this.version = `${engine} ${hello.version}`;
        } catch (error) {
            throw new Skip(error.message);
        }
    }

    async answer() {
        const timer = setTimeout(() => this.child.kill(), BURST_LIMIT_MS);
        const { value, done } = await this.lines.next();
        clearTimeout(timer);
        if (done) throw new Error(`${this.name}: the worker ended`);
        const object = JSON.parse(value);
        if (object.error) throw new Error(`${this.name}: ${object.error}`);
        return object;
    }

    async burst(seq, batch, runs) {
        this.child.stdin.write(`run ${seq} ${batch} ${runs}\n`);
        const { ms } = await this.answer();
        return { min: Math.min(...ms), p50: median(ms), n: ms.length };
    }

    close() {
        this.child?.stdin.end('quit\n');
    }
}

export class Ort extends Worker {
    constructor(options, name, graph, level) {
        super();
        Object.assign(this, { name, options, level, graph: `${options.graphs}/${options.shape}-${graph}.onnx` });
        this.detail = `level ${level}`;
    }

    async open() {
        if (!existsSync(here('node_modules/onnxruntime-node'))) {
            throw new Skip('onnxruntime-node is not installed (npm ci --ignore-scripts in tools/peers)');
        }
        if (!existsSync(this.graph)) throw new Skip(`${this.graph} is not made (make_graph.py)`);
        const args = ['--graph', this.graph, '-t', this.options.threads, '--level', this.level, '--serve'];
        await this.start('onnxruntime', [here('ort_bench.mjs'), ...args]);
    }

    async vector(seq) {
        this.child.stdin.write(`vector ${seq}\n`);
        return (await this.answer()).vector;
    }
}

// llama.cpp through node-llama-cpp, on a GGUF of the same shape.
class LlamaCpp extends Worker {
    constructor(options, name, type) {
        super();
        Object.assign(this, { name, options, model: `${options.graphs}/${options.shape}-${type}.gguf`, detail: type });
        this.largestBatch = 1;
    }

    async open() {
        if (!existsSync(here('llama/node_modules/node-llama-cpp'))) {
            throw new Skip('node-llama-cpp is not installed (npm ci in tools/peers/llama; x86-64 alone)');
        }
        if (!existsSync(this.model)) throw new Skip(`${this.model} is not made (llama/make_gguf.py)`);
        const args = ['--model', this.model, '-t', this.options.threads];
        await this.start('node-llama-cpp', [here('llama/llama_bench.mjs'), ...args]);
    }

}

export const NAMES = ['tern', 'ort-fp32', 'ort-int8', 'ort-int8-tools', 'ort-int4', 'llama-q8_0', 'llama-q4_0'];

// The peers named, in order; tern once per ISA asked for.
export function makePeers(names, options) {
    return names.flatMap((name) => {
        switch (name) {
        case 'tern': return options.isas.map((isa) => new Tern(options, isa));
        case 'ort-fp32': return [new Ort(options, name, 'fp32', 'basic')];
        case 'ort-int8': return [new Ort(options, name, 'int8', 'basic')];
        case 'ort-int8-tools': return [new Ort(options, name, 'int8-tools', 'all')];
        case 'ort-int4': return [new Ort(options, name, 'int4', 'basic')];
        case 'llama-q8_0': return [new LlamaCpp(options, name, 'q8_0')];
        case 'llama-q4_0': return [new LlamaCpp(options, name, 'q4_0')];
        default: throw new Error(`no peer named ${name}`);
        }
    });
}
