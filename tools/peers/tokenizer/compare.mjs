// Hugging Face's tokenizer, for comparison with Tern's.
//   node compare.mjs json VOCAB uncased|cased|lower > tokenizer.json
//       what BertTokenizerFast makes of a vocab.txt
//   node compare.mjs ids TOKENIZER.json [CAPACITY head|tail] < lines > ids
//       the formats are those of tests/tokenize_lines.c
//   node compare.mjs unicode > digests
//       the normaliser on every code point
import * as hf from 'tokenizers'
import fs from 'node:fs'

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

export function makeJson(pieces, { lowercase, stripAccents = null }, added = []) {
  const vocab = Object.fromEntries(pieces.map((p, i) => [p, i]))
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const step = (kind, id, type_id) => ({ [kind]: { id, type_id } })
  const single = [step('SpecialToken', '[CLS]', 0), step('Sequence', 'A', 0), step('SpecialToken', '[SEP]', 0)]
  const named = (t) => ({ id: t, ids: [vocab[t]], tokens: [t] })
  return {
    version: '1.0', truncation: null, padding: null,
    added_tokens: [...special.map((content) => ({ id: vocab[content], content, ...flags })), ...added],
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: stripAccents,
      lowercase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'TemplateProcessing', single,
      pair: [...single, step('Sequence', 'B', 1), step('SpecialToken', '[SEP]', 1)],
      special_tokens: { '[CLS]': named('[CLS]'), '[SEP]': named('[SEP]') } },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100,
      vocab },
  }
}

const escapes = { '\\': '\\', n: '\n', r: '\r', t: '\t', 0: '\0' }
const unescape = (s) => s.replace(/\\([\\nrt0])/g, (_, c) => escapes[c])

// Since 0.23 the library stops reading a side at max_length tokens when it cuts tails (its pull request 1990).
// Which of two over-long sides gets the odd token then depends on counts that are cut short. To compare with
// "longest_first" as it is documented, and was in all versions before, the sides are read whole and cut by postProcess.
export async function printIds({ reader, cutter, cuts }, lines, print) {
  for (const line of lines) {
    const tab = line.indexOf('\t')
    const sides = tab < 0 ? [unescape(line)] : [unescape(line.slice(0, tab)), unescape(line.slice(tab + 1))]
    let encoding
    if (cuts) {
      const read = []
      for (const side of sides) read.push(await reader.encode(side, null, { addSpecialTokens: false }))
      encoding = cutter.postProcess(read[0], read[1], true)
    } else {
      encoding = await reader.encode(sides[0], sides[1])
    }
    print(encoding.getIds().join(' ') + (tab < 0 ? '' : ' | ' + encoding.getTypeIds().join(' ')))
  }
}

export function openJson(json, capacity, side) {
  const plain = () => {
    const tokenizer = hf.Tokenizer.fromString(json)
    tokenizer.disablePadding()
    tokenizer.disableTruncation()
    return tokenizer
  }
  const cutter = plain()
  if (capacity) cutter.setTruncation(capacity, { direction: side === 'tail' ? 'left' : 'right' })
  return { reader: plain(), cutter, cuts: !!capacity }
}

// XXH64 with seed 0, as tests/test_tokenizer.c computes it.
const P = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n]
const M = (1n << 64n) - 1n
const rotl = (x, r) => ((x << r) | (x >> (64n - r))) & M
const round = (acc, lane) => (rotl((acc + lane * P[1]) & M, 31n) * P[0]) & M
export function xxh64(bytes) {
  const n = bytes.length
  let at = 0, h = P[4]
  if (n >= 32) {
    const v = [(P[0] + P[1]) & M, P[1], 0n, (M + 1n - P[0]) & M]
    for (; at + 32 <= n; at += 32) for (let i = 0; i < 4; i++) v[i] = round(v[i], bytes.readBigUInt64LE(at + 8 * i))
    h = (rotl(v[0], 1n) + rotl(v[1], 7n) + rotl(v[2], 12n) + rotl(v[3], 18n)) & M
    for (const x of v) h = ((h ^ round(0n, x)) * P[0] + P[3]) & M
  }
  h = (h + BigInt(n)) & M
  for (; at + 8 <= n; at += 8) h = (rotl(h ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P[0] + P[3]) & M
  if (at + 4 <= n) {
    h = (rotl(h ^ ((BigInt(bytes.readUInt32LE(at)) * P[0]) & M), 23n) * P[1] + P[2]) & M
    at += 4
  }
  for (; at < n; at++) h = (rotl(h ^ ((BigInt(bytes[at]) * P[4]) & M), 11n) * P[0]) & M
  h = ((h ^ (h >> 33n)) * P[1]) & M
  h = ((h ^ (h >> 29n)) * P[2]) & M
  return h ^ (h >> 32n)
}

// Per group of 4096 code points c: the digest of what becomes of "A" c, an acute, c, a dot below, a musical stem, c,
// "Z", each result with a line feed after it; under four settings of the normaliser. Then how c splits words.
function printUnicode() {
  const options = [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1], [0, 1, 1, 0]]
  const digest = (name, group, text) =>
    console.log(`${name} ${group} ${xxh64(Buffer.from(text)).toString(16).padStart(16, '0')}`)
  for (const [clean, chinese, strip, lower] of options) {
    const normalizer = hf.bertNormalizer({ cleanText: !!clean, handleChineseChars: !!chinese, stripAccents: !!strip,
      lowercase: !!lower })
    for (let group = 0; group < 272; group++) {
      let text = ''
      for (let c = group * 4096; c < group * 4096 + 4096; c++) {
        if (c >= 0xd800 && c < 0xe000) continue
        const s = String.fromCodePoint(c)
        text += normalizer.normalizeString('A' + s + '\u0301' + s + '\u0323\u{1d165}' + s + 'Z') + '\n'
      }
      digest(`${clean}${chinese}${strip}${lower}`, group, text)
    }
  }
  const words = hf.bertPreTokenizer()
  for (let group = 0; group < 272; group++) {
    let text = ''
    for (let c = group * 4096; c < group * 4096 + 4096; c++)
      if (c < 0xd800 || c >= 0xe000) text += words.preTokenizeString('a' + String.fromCodePoint(c) + 'b').length
    digest('words', group, text)
  }
}

async function main([mode, file, ...rest]) {
  if (mode === 'json') {
    const pieces = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)
    const settings = { uncased: { lowercase: true }, cased: { lowercase: false },
      lower: { lowercase: true, stripAccents: false } }[rest[0]]
    console.log(JSON.stringify(makeJson(pieces, settings)))
  } else if (mode === 'ids') {
    const tokenizer = openJson(fs.readFileSync(file, 'utf8'), Number(rest[0] ?? 0), rest[1])
    const out = []
    await printIds(tokenizer, fs.readFileSync(0, 'utf8').split('\n').slice(0, -1), (line) => out.push(line))
    fs.writeFileSync(1, out.join('\n') + '\n')
  } else if (mode === 'unicode') {
    printUnicode()
  } else {
    console.error('usage: compare.mjs json|ids|unicode ...')
    process.exitCode = 2
  }
}
if (process.argv[1]?.endsWith('compare.mjs')) await main(process.argv.slice(2))
