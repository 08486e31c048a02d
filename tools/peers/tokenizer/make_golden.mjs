// Writes the stored answers for tests/test_tokenizer.c: tests/golden/tokenizer_*. Everything is self-made.
//   node make_golden.mjs
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { makeJson, openJson, printIds } from './compare.mjs'

const golden = fileURLToPath(new URL('../../../tests/golden/', import.meta.url))
const python = (...args) =>
  execFileSync('python3', [golden + 'make_lines.py', ...args], { maxBuffer: 1 << 28 }).toString().split('\n')
    .slice(0, -1)

const pieces = python('--vocabulary')
fs.writeFileSync(golden + 'tokenizer_vocab.txt', pieces.join('\n') + '\n')

// A tokenizer with added tokens of every kind of flags.
const added = [
  ['<mask>', { single_word: true, lstrip: true, rstrip: true, special: true }], ['<a>', { lstrip: true }],
  ['<b>', { rstrip: true }], ['<a><b>', { special: true }], [' pad', {}], ['[a b]', { special: true }], ['é<', {}],
  ['NewTok', { normalized: true }], ['Café', { normalized: true }], ['foo', { normalized: true, single_word: true }],
  ['foobar', { normalized: true }], ['中x', { normalized: true }], ['the END', { normalized: true, lstrip: true }],
  ['\u{1d16d}\u{1d165}q', { normalized: true }], ['İs', { normalized: true, rstrip: true }],
  ['under', { normalized: true }],
  ['-x-', { normalized: true, single_word: true }], ['##ing', { special: true }],
]
const small = pieces.slice(0, 400).concat(pieces.filter((p) => /^(##)?[a-z]{1,6}$/.test(p)).slice(0, 800))
const vocab = [...new Set(small)]
let next = vocab.length
const list = added.map(([content, flags]) => ({
  id: vocab.includes(content) ? vocab.indexOf(content) : next++, content, single_word: false, lstrip: false,
  rstrip: false, normalized: false, special: false, ...flags }))
const json = JSON.stringify(makeJson(vocab, { lowercase: true }, list))
fs.writeFileSync(golden + 'tokenizer_added.json', json + '\n')

let state = 12345
const random = (n) => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff, (state >>> 8) % n)
const parts = [...added.map(([content]) => content), 'foo', 'FOO', 'foobar', 'barfoo', 'newtok', 'NEWTOK', 'cafe\u0301',
  'CAFE', 'cafe', '中X', '中', 'x', 'the end', 'The  End', 'THE\\nEND', '\u{1d165}\u{1d16d}', 'q', 'İS', 'is', 'i\u0307s',
  'Under', 'wunderbar', '-X-', 'a', '-', '.', '_', '1', '\u0301', '\u200d', 'Ⓐ', '½', '\\0', '[SEP]', '[MASK]', '[mask]',
  '[A B]', 'running']
const gaps = ['', '', '', ' ', ' ', '  ', '\\n', '\u00a0', '\u2003', '\u0085']
const mixed = Array.from({ length: 1200 }, () => {
  let line = ''
  for (let n = 1 + random(7); n > 0; n--) line += parts[random(parts.length)] + gaps[random(gaps.length)]
  return line
})

// Records of three lines: settings, capacity and side; the line; the ids.
const lines = python('--no-blocks', '--count', '1500', '--seed', '7').filter((line) => line.length < 400)
const out = []
async function record(name, tokenizerJson, capacity, side, chosen) {
  const tokenizer = openJson(tokenizerJson, capacity, side)
  let i = 0
  await printIds(tokenizer, chosen, (ids) => out.push(`# ${name} ${capacity} ${side}`, chosen[i++], ids))
}
const settings = { uncased: { lowercase: true }, cased: { lowercase: false },
  lower: { lowercase: true, stripAccents: false } }
for (const [name, s] of Object.entries(settings))
  await record(name, JSON.stringify(makeJson(pieces, s)), 0, 'head', lines.slice(0, name === 'uncased' ? 500 : 120))
const pairs = lines.filter((line) => line.includes('\t'))
for (const [capacity, side, from] of [[3, 'head', 0], [4, 'tail', 0], [7, 'head', 20], [8, 'tail', 20],
  [16, 'head', 40], [17, 'tail', 40], [32, 'tail', 60], [33, 'head', 60]]) {
  const uncased = JSON.stringify(makeJson(pieces, settings.uncased))
  await record('uncased', uncased, capacity, side, [...pairs.slice(from, from + 20), ...lines.slice(from, from + 8)])
}
await record('added', json, 0, 'head', mixed)
fs.writeFileSync(golden + 'tokenizer_cases.txt', out.join('\n') + '\n')
fs.writeFileSync(golden + 'tokenizer_unicode.txt',
  execFileSync('node', [fileURLToPath(new URL('compare.mjs', import.meta.url)), 'unicode'], { maxBuffer: 1 << 26 }))
