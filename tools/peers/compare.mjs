// Latency of tern and of other engines, interleaved within one run: rounds of A B C, each a short burst, so that what
// slows the machine down slows them all. README.md says how to read the result. Data on stdout, messages on stderr.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePeers, median, NAMES, Skip } from './peers.mjs';

const USAGE = `usage: compare.mjs [--shape distilbert|minilm-l6|bert-base|bge-small|bert-mini|tinybert-4l]
    [-s 16,128] [-b 1] [-t 1] [--isa NAME,...] [--tern-args "--weights int4 ..."] [--peers ${NAMES.join(',')}]
    [--rounds 10] [-r RUNS] [--budget MS] [--format md|json] [--tern PATH] [--graphs DIR]`;

// Flags that decide which kernels an engine picks; the whole list is a page.
const ISA_FLAGS = ['avx2', 'fma', 'avx_vnni', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16',
    'amx_tile', 'amx_int8', 'amx_bf16', 'asimd', 'asimddp', 'i8mm', 'sve', 'bf16'];

const TRIPLE = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu', arm: 'arm-linux-gnueabihf' }[process.arch];

// Two graphs of the same weights, one quantised: below this something else than rounding differs.
const LEAST_COSINE = 0.99;

class Usage extends Error {}

const say = (text) => process.stderr.write(`compare: ${text}\n`);

function options() {
    const { values: o } = parseArgs({
        options: {
            shape: { type: 'string', default: 'distilbert' },
            seq: { type: 'string', short: 's', default: '16,128' },
            batch: { type: 'string', short: 'b', default: '1' },
            threads: { type: 'string', short: 't', default: '1' },
            isa: { type: 'string', default: '' },
            'tern-args': { type: 'string', default: '' },
            peers: { type: 'string', default: NAMES.join(',') },
            rounds: { type: 'string', default: '10' },
            runs: { type: 'string', short: 'r' },
            budget: { type: 'string', default: '300' },
            format: { type: 'string', default: 'md' },
            tern: { type: 'string', default: `build/${TRIPLE}/tern` },
            graphs: { type: 'string', default: 'build/peers' },
            help: { type: 'boolean', short: 'h', default: false },
        },
    });
    const count = (name, text) => {
        const value = Number(text);
        if (!Number.isInteger(value) || value < 1) throw new Usage(`--${name}: "${text}" is no positive whole number`);
        return value;
    };
    if (!['md', 'json'].includes(o.format)) throw new Usage(`--format: "${o.format}" is neither md nor json`);
    const strange = o.peers.split(',').find((name) => !NAMES.includes(name));
    if (strange !== undefined) throw new Usage(`--peers: "${strange}" is none of ${NAMES.join(', ')}`);
    return {
        help: o.help,
        shape: o.shape,
        seqs: o.seq.split(',').map((text) => count('seq', text)),
        batches: o.batch.split(',').map((text) => count('batch', text)),
        threads: count('threads', o.threads),
        isas: o.isa.split(','),
        ternArgs: o['tern-args'].split(' ').filter(Boolean),
        peers: o.peers.split(','),
        rounds: count('rounds', o.rounds),
        runs: o.runs === undefined ? 0 : count('runs', o.runs),
        budget: count('budget', o.budget),
        format: o.format,
        tern: o.tern,
        graphs: o.graphs,
    };
}

function machine() {
    let flags = [];
    try {
        const line = readFileSync('/proc/cpuinfo', 'utf8').match(/^(flags|Features)\s*:(.*)$/m);
        flags = line ? line[2].trim().split(' ') : [];
    } catch { /* Not Linux: the model has to do. */ }
    return {
        cpu: os.cpus()[0]?.model ?? os.arch(),
        cpus: os.cpus().length,
        isa: ISA_FLAGS.filter((flag) => flags.includes(flag)),
        kernel: `${os.type()} ${os.release()} ${os.arch()}`,
        load_before: Number(os.loadavg()[0].toFixed(2)),
    };
}

function commit() {
    try {
        return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
    } catch {
        return 'unknown';
    }
}

async function openPeers(o) {
    const open = [];
    const skipped = [];
    for (const peer of makePeers(o.peers, o)) {
        try {
            await peer.open();
            open.push(peer);
        } catch (error) {
            if (!(error instanceof Skip)) throw error;
            say(`${peer.name} skipped: ${error.message}`);
            skipped.push({ peer: peer.name, reason: error.message });
            peer.close?.();
        }
    }
    return { open, skipped };
}

function cosine(a, b) {
    const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

// Engines that hold the same seeded weights must give the same vector. Tern has its own weights and is not among them.
async function agreement(peers, seq) {
    const checked = peers.filter((peer) => peer.vector);
    if (checked.length < 2) return [];
    const first = await checked[0].vector(seq);
    const result = [];
    for (const peer of checked.slice(1)) {
        const value = cosine(first, await peer.vector(seq));
        result.push({ peers: [checked[0].name, peer.name], cosine: Number(value.toFixed(5)) });
        if (!(value >= LEAST_COSINE)) throw new Error(`${peer.name} differs from ${checked[0].name}: cosine ${value}`);
    }
    return result;
}

// Every peer makes the same number of runs per burst, for a minimum over more runs is a lower one. The slowest peer
// sets it: its burst lasts about the budget.
async function runsPerBurst(o, peers, seq, batch) {
    if (o.runs) return o.runs;
    let slowest = 0;
    for (const peer of peers) slowest = Math.max(slowest, (await peer.burst(seq, batch, 2)).min);
    return Math.min(100, Math.max(5, Math.ceil(o.budget / slowest)));
}

async function rounds(o, peers, seq, batch) {
    const runs = await runsPerBurst(o, peers, seq, batch);
    const bursts = new Map(peers.map((peer) => [peer, []]));
    for (let round = 0; round < o.rounds; round++) {
        // Rotated, lest a peer always follow the same one (and its heat, and its pages in the cache).
        for (let i = 0; i < peers.length; i++) {
            const peer = peers[(i + round) % peers.length];
            // A thread pool spins for a while after its work; the next peer must not pay for that.
            await sleep(30);
            bursts.get(peer).push(await peer.burst(seq, batch, runs));
        }
    }
    return peers.map((peer) => summary(peer, seq, batch, runs, bursts.get(peer), bursts.get(peers[0])));
}

// Ratios are of this peer's time to the first peer's: above 1 the first is the faster.
function summary(peer, seq, batch, runs, own, base) {
    const least = (bursts) => Math.min(...bursts.map((burst) => burst.min));
    const middle = (bursts) => median(bursts.map((burst) => burst.p50));
    const paired = own.map((burst, round) => burst.p50 / base[round].p50);
    return {
        peer: peer.name,
        detail: peer.detail,
        seq,
        batch,
        runs_per_burst: runs,
        min_ms: least(own),
        median_ms: middle(own),
        ratio_of_medians: middle(own) / middle(base),
        ratio_of_minimums: least(own) / least(base),
        paired_ratio_median: median(paired),
        paired_ratio_least: Math.min(...paired),
        paired_ratio_most: Math.max(...paired),
        bursts: own,
    };
}

function markdown(report) {
    const { machine: m, results } = report;
    const load = `load ${m.load_before} before, ${m.load_after} after`;
    const ratio = (value) => value.toFixed(2);
    const row = (r) => [
        r.seq, r.batch, r.peer, r.min_ms.toFixed(2), r.median_ms.toFixed(2), ratio(r.ratio_of_medians),
        ratio(r.ratio_of_minimums),
        `${ratio(r.paired_ratio_median)}, ${ratio(r.paired_ratio_least)} to ${ratio(r.paired_ratio_most)}`,
        r.detail ?? '',
    ];
    const lines = [
        `## ${report.shape}, ${report.threads} thread${report.threads > 1 ? 's' : ''}`,
        '',
        `- machine: ${m.cpu}, ${m.cpus} CPUs, ${m.isa.join(' ')}; ${m.kernel}; ${load}`,
        `- versions: ${report.versions.join('; ')}; tern tree at ${report.commit}; node ${report.node}`,
        `- command: \`${report.command}\``,
        `- ${report.rounds} rounds; ratios are to ${report.base}: above 1 it is the faster`,
        ...report.agreement.map((a) => `- same weights, same answer: cosine ${a.cosine} (${a.peers.join(', ')})`),
        // The run itself keeps about `threads` CPUs busy; more than that is somebody else's work.
        ...(m.load_after > report.threads + 0.5 ? ['- **the machine was busy: read the paired ratios only**'] : []),
        ...report.skipped.map((s) => `- skipped: ${s.peer}: ${s.reason}`),
        '',
        '| tokens | batch | peer | min ms | median ms | of medians | of minimums | paired, least to most | |',
        '|---:|---:|---|---:|---:|---:|---:|---|---|',
        ...results.map((r) => `| ${row(r).join(' | ')} |`),
    ];
    return lines.join('\n') + '\n';
}

async function main() {
    const o = options();
    if (o.help) return process.stdout.write(USAGE + '\n');
    const here = machine();
    const { open, skipped } = await openPeers(o);
    try {
        if (open.length === 0) throw new Error('no peer can run here');
        const report = {
            shape: o.shape,
            threads: o.threads,
            rounds: o.rounds,
            base: open[0].name,
            machine: here,
            versions: [...new Set(open.map((peer) => peer.version))],
            commit: commit(),
            node: process.versions.node,
            command: ['tools/peers/compare.mjs', ...process.argv.slice(2)].join(' '),
            skipped,
            agreement: await agreement(open, 16),
            results: [],
        };
        for (const batch of o.batches) {
            for (const seq of o.seqs) {
                say(`${seq} tokens, batch ${batch}`);
                const able = open.filter((peer) => !(peer.largestBatch < batch));
                report.results.push(...await rounds(o, able, seq, batch));
            }
        }
        here.load_after = Number(os.loadavg()[0].toFixed(2));
        process.stdout.write(o.format === 'json' ? JSON.stringify(report, null, 1) + '\n' : markdown(report));
    } finally {
        for (const peer of open) peer.close();
    }
}

main().catch((error) => {
    say(error.message);
    process.exitCode = error instanceof Usage || error.code?.startsWith?.('ERR_PARSE_ARGS') ? 2 : 1;
});
