// Questions and answers as token ids, with the names and rules of snippets/language/byte_pair_encoding.py
// and snippets/training/browser_finetuning.py: the tokenizer, and rows with labels.

/** The regular expression of GPT-2. */
const PATTERN = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
export const LONGEST = 40;
/** The label of a token that is not predicted. */
export const IGNORED = -100;

/** @typedef {{ids: number[], labels: number[]}} Row */

/** The byte of each of the first 256 ids: printable ones first. @returns {number[]} */
export function alphabet() {
  const printable = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return [...bytes.filter(printable), ...bytes.filter((byte) => !printable(byte))];
}

/** Byte-pair encoding: the bytes of each token, the rank of each merge, and the end of text. */
export class Tokenizer {
  /**
   * @param {string[]} tokens Of bytes, by id.
   * @param {number[][]} merges Pairs of ids.
   * @param {number} end
   * @param {{form?: "NFC", whole?: Map<string, number>}} [options] How a text is normalized first, and texts that
   *   are tokens wherever they are.
   */
  constructor(tokens, merges, end, { form, whole = new Map() } = {}) {
    this.tokens = tokens;
    this.end = end;
    this.ids = new Map(tokens.map((token, id) => [token, id]));
    this.ranks = new Map(merges.map((pair, rank) => [String(pair), rank]));
    this.form = form;
    this.whole = whole;
    const escaped = [...whole.keys()].sort((a, b) => b.length - a.length).map((text) => text.replace(/\W/gu, "\\$&"));
    this.split = escaped.length ? new RegExp(`(${escaped.join("|")})`) : undefined;
  }

  /** As the portal stores it: 256 bytes, then a token for each merge, then the end. */
  static ours(merges) {
    const tokens = alphabet().map((byte) => String.fromCharCode(byte));
    for (const [left, right] of merges) tokens.push(tokens[left] + tokens[right]);
    return new Tokenizer(tokens, merges, tokens.length);
  }

  /** A ``tokenizer.json`` with the byte-level BPE of GPT-2, as Pythia has it. */
  static fromFile({ model, normalizer, added_tokens: added = [] }) {
    if (normalizer && normalizer.type !== "NFC") throw new Error(`The normalizer ${normalizer.type} is not known.`);
    const bytes = alphabet();
    const byteOf = new Map(bytes.map((byte, i) => [i < 188 ? String.fromCharCode(byte) : String.fromCharCode(68 + i), byte]));
    const plain = (text) => [...text].map((letter) => String.fromCharCode(byteOf.get(letter) ?? 63)).join("");
    const tokens = [];
    for (const [text, id] of Object.entries(model.vocab)) tokens[id] = plain(text);
    for (const { id, content } of added) tokens[id] = content;
    const merges = model.merges.map((pair) => (Array.isArray(pair) ? pair : pair.split(" ")).map((part) => model.vocab[part]));
    const end = added.find(({ content }) => content === "<|endoftext|>");
    if (!end) throw new Error("tokenizer.json has no <|endoftext|>.");
    const whole = new Map(added.map(({ id, content }) => [content, id]));
    return new Tokenizer(tokens, merges, end.id, { form: normalizer?.type, whole });
  }

  /** @param {string} text @returns {number[]} */
  encode(text) {
    const normal = this.form ? text.normalize(this.form) : text;
    return (this.split ? normal.split(this.split) : [normal]).flatMap((part) => {
      if (this.whole.has(part)) return [this.whole.get(part)];
      return (part.match(PATTERN) ?? []).flatMap((word) => this.encodeWord(unescape(encodeURIComponent(word))));
    });
  }

  /** Merges the pair of lowest rank, until no pair of neighbors has a rank. @param {string} word Of bytes. */
  encodeWord(word) {
    const ids = [...word].map((byte) => this.ids.get(byte));
    for (;;) {
      let [place, best] = [-1, Infinity];
      for (let i = 0; i + 1 < ids.length; i++) {
        const rank = this.ranks.get(`${ids[i]},${ids[i + 1]}`) ?? Infinity;
        if (rank < best) [place, best] = [i, rank];
      }
      if (place < 0) return ids;
      ids.splice(place, 2, this.ids.get(this.tokens[ids[place]] + this.tokens[ids[place + 1]]));
    }
  }

  /** @param {number[]} ids @returns {string} Bytes that are not UTF-8 become U+FFFD. */
  decode(ids) {
    const bytes = ids.map((id) => this.tokens[id] ?? "").join("");
    try {
      return decodeURIComponent(escape(bytes));
    } catch {
      return bytes.replace(/[\x80-\xff]+/g, "\ufffd");
    }
  }
}

/** The text before an answer. @param {string} question */
export function prompt(question) {
  return `Question: ${question} Answer:`;
}

/**
 * End of text, question, answer, end of text; the last two are labels.
 * @param {Tokenizer} tokenizer
 * @param {string} question
 * @param {string} answer
 * @returns {Row}
 */
export function encodePair(tokenizer, question, answer) {
  const asked = [tokenizer.end, ...tokenizer.encode(prompt(question))];
  const said = [...tokenizer.encode(` ${answer}`), tokenizer.end];
  return { ids: [...asked, ...said], labels: [...asked.map(() => IGNORED), ...said] };
}

/** End of text, and the first tokens of a text, which are all labels. @returns {Row} */
export function encodeProse(tokenizer, text) {
  const ids = [tokenizer.end, ...tokenizer.encode(text)].slice(0, LONGEST);
  return { ids, labels: [IGNORED, ...ids.slice(1)] };
}
