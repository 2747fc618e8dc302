// A keyboard that suggests the next word. The reader types, chooses how the counts are smoothed and how
// many words an n-gram has, and sees how much each order adds to the probability of a suggestion.
import { Widget } from "./widget.js";

/** From chapter 1 of Alice's Adventures in Wonderland, by Lewis Carroll (1865). */
export const TEXT = `alice was beginning to get very tired of sitting by her sister on the bank and of having
nothing to do once or twice she had peeped into the book her sister was reading but it had no pictures or
conversations in it and what is the use of a book thought alice without pictures or conversations. so she
was considering in her own mind as well as she could for the hot day made her feel very sleepy and stupid
whether the pleasure of making a daisy chain would be worth the trouble of getting up and picking the
daisies when suddenly a white rabbit with pink eyes ran close by her. there was nothing so very remarkable
in that nor did alice think it so very much out of the way to hear the rabbit say to itself oh dear. oh
dear. i shall be late. when she thought it over afterwards it occurred to her that she ought to have
wondered at this but at the time it all seemed quite natural but when the rabbit actually took a watch out
of its waistcoat pocket and looked at it and then hurried on alice started to her feet for it flashed across
her mind that she had never before seen a rabbit with either a waistcoat pocket or a watch to take out of it
and burning with curiosity she ran across the field after it and fortunately was just in time to see it pop
down a large rabbit hole under the hedge. in another moment down went alice after it never once considering
how in the world she was to get out again. the rabbit hole went straight on like a tunnel for some way and
then dipped suddenly down so suddenly that alice had not a moment to think about stopping herself before she
found herself falling down a very deep well. either the well was very deep or she fell very slowly for she
had plenty of time as she went down to look about her and to wonder what was going to happen next. first she
tried to look down and make out what she was coming to but it was too dark to see anything then she looked
at the sides of the well and noticed that they were filled with cupboards and book shelves here and there
she saw maps and pictures hung upon pegs. she took down a jar from one of the shelves as she passed it was
labelled orange marmalade but to her great disappointment it was empty she did not like to drop the jar for
fear of killing somebody so managed to put it into one of the cupboards as she fell past it. well thought
alice to herself after such a fall as this i shall think nothing of tumbling down stairs. how brave they'll
all think me at home. why i wouldn't say anything about it even if i fell off the top of the house. which
was very likely true. down down down. would the fall never come to an end. i wonder how many miles i've
fallen by this time she said aloud. i must be getting somewhere near the centre of the earth. let me see
that would be four thousand miles down i think for you see alice had learnt several things of this sort in
her lessons in the schoolroom and though this was not a very good opportunity for showing off her knowledge
as there was no one to listen to her still it was good practice to say it over yes that's about the right
distance but then i wonder what latitude or longitude i've got to. alice had no idea what latitude was or
longitude either but thought they were nice grand words to say. presently she began again. i wonder if i
shall fall right through the earth. how funny it'll seem to come out among the people that walk with their
heads downward. but i shall have to ask them what the name of the country is you know. please ma'am is this
new zealand or australia. do you think you could manage it. and what an ignorant little girl she'll think me
for asking. no it'll never do to ask perhaps i shall see it written up somewhere. down down down. there was
nothing else to do so alice soon began talking again. dinah'll miss me very much to night i should think.
dinah was the cat. i hope they'll remember her saucer of milk at tea time. dinah my dear. i wish you were
down here with me. there are no mice in the air i'm afraid but you might catch a bat and that's very like a
mouse you know. but do cats eat bats i wonder. and here alice began to get rather sleepy and went on saying
to herself in a dreamy sort of way do cats eat bats. do cats eat bats. and sometimes do bats eat cats. for
you see as she couldn't answer either question it didn't much matter which way she put it. she felt that she
was dozing off and had just begun to dream that she was walking hand in hand with dinah and saying to her
very earnestly now dinah tell me the truth did you ever eat a bat. when suddenly thump. thump. down she came
upon a heap of sticks and dry leaves and the fall was over.`;

const [START, END, UNKNOWN] = ["<s>", "</s>", "<UNK>"];

export const controls = {
  text: { label: "your text", maxlength: 80, value: "she had " },
  order: { label: "words of an n-gram", min: 1, max: 4, step: 1, value: 3 },
  method: {
    label: "smoothing",
    options: { kneser_ney: "Kneser-Ney", absolute: "absolute discounting", witten_bell: "Witten-Bell" },
    value: "kneser_ney",
  },
  discount: { label: "discount", min: 0.05, max: 1, step: 0.05, value: 0.75 },
};

/** @param {string} text @returns {string[][]} Its sentences, as words. */
export function split(text) {
  const found = text.toLowerCase().split(/[.!?]/).map((sentence) => sentence.match(/[a-z']+/g) ?? []);
  return found.filter((words) => words.length);
}

/** Adds to the count of a word after a context. */
function add(counts, context, word, number = 1) {
  if (!counts.has(context)) counts.set(context, new Map());
  const seen = counts.get(context);
  seen.set(word, (seen.get(word) ?? 0) + number);
}

/**
 * Counts of the words after each context of 0 to order - 1 words; a context is a text of words.
 * @param {string[][]} sentences
 * @param {number} order
 * @returns {Map<string, Map<string, number>>[]}
 */
export function count(sentences, order) {
  const orders = Array.from({ length: order }, () => new Map());
  for (const sentence of sentences) {
    const words = [START, ...sentence, END];
    for (let i = 1; i < words.length; i++) {
      for (let k = 0; k < Math.min(order, i + 1); k++) add(orders[k], words.slice(i - k, i).join(" "), words[i]);
    }
  }
  return orders;
}

/** Below the highest order, counts the different words before an n-gram, except where none can be. */
export function adjusted(orders) {
  return orders.map((lower, k) => {
    if (k === orders.length - 1) return lower;
    const before = new Map();
    for (const [context, seen] of orders[k + 1]) {
      for (const word of seen.keys()) add(before, context.split(" ").slice(1).join(" "), word);
    }
    for (const [context, seen] of lower) if (context.startsWith(START)) before.set(context, seen);
    return before;
  });
}

/**
 * @typedef {{orders: Map<string, Map<string, number>>[], method: string, discount: number}} Model
 */

/** Counts, and how they are smoothed. @param {string[][]} sentences @param {number} order @returns {Model} */
export function model(sentences, order, method, discount) {
  const counts = count(sentences, order);
  return { orders: method === "kneser_ney" ? adjusted(counts) : counts, method, discount };
}

/**
 * What each order adds to the probability, the longest context first.
 * @param {Model} model
 * @param {string} word
 * @param {string[]} context At most order - 1 words.
 * @returns {number[]}
 */
export function parts({ orders, method, discount }, word, context) {
  const made = [];
  let weight = 1;
  for (let k = context.length; k >= 0; k--) {
    const seen = orders[k].get(context.slice(context.length - k).join(" "));
    const found = seen?.get(word) ?? 0;
    const total = seen ? [...seen.values()].reduce((sum, times) => sum + times, 0) : 0;
    let [alpha, gamma] = [0, 1]; // after a new context, the shorter one decides alone
    if (k === 0) alpha = found / total;
    else if (seen && method === "witten_bell") [alpha, gamma] = [found, seen.size].map((part) => part / (total + seen.size));
    else if (seen) [alpha, gamma] = [Math.max(found - discount, 0) / total, (discount * seen.size) / total];
    made.push(weight * alpha);
    weight *= gamma;
  }
  return made;
}

/**
 * The most probable words that begin with the typed letters.
 * @param {Model} smoothed
 * @returns {{word: string, parts: number[], score: number}[]}
 */
export function suggest(smoothed, context, typed, number) {
  const words = [...smoothed.orders[0].get("").keys()].filter((word) => word !== END && word.startsWith(typed));
  const scored = words.map((word) => {
    const shares = parts(smoothed, word, context);
    return { word, parts: shares, score: shares.reduce((sum, part) => sum + part, 0) };
  });
  return scored.sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1)).slice(0, number);
}

const AFTER = ["without context", "after one word", "after two words", "after three words"];

class Keyboard extends Widget {
  format(name, value) {
    return name === "discount" ? value.toFixed(2) : String(value);
  }

  draw({ text, order, method, discount }) {
    const smoothed = model(split(TEXT), order, method, discount);
    const known = smoothed.orders[0].get("");
    const written = text.toLowerCase();
    const [typed] = written.match(/[a-z']*$/);
    const last = written.slice(0, written.length - typed.length).split(/[.!?]/).pop();
    const before = [START, ...(last.match(/[a-z']+/g) ?? []).map((word) => (known.has(word) ? word : UNKNOWN))];
    const context = before.slice(Math.max(0, before.length - order + 1));
    const shown = suggest(smoothed, context, typed, 5);
    const width = (part) => (190 * part) / (shown.length ? shown[0].score : 1);
    const bars = shown.map(({ word, parts: shares, score }, row) => {
      const y = 36 + 37 * row;
      let x = 130;
      const pieces = shares.map((share, i) => {
        const piece = `<rect class="f${shares.length - 1 - i}" x="${x}" y="${y}" width="${width(share)}" height="26"/>`;
        x += width(share);
        return piece;
      });
      return `${pieces.join("")}<text x="120" y="${y + 19}" text-anchor="end">${word}</text>
        <text x="${x + 8}" y="${y + 19}">${score.toFixed(3)}</text>`;
    });
    const legend = AFTER.slice(0, context.length + 1).map(
      (label, k) => `<rect class="f${k}" x="395" y="${90 + 30 * k}" width="12" height="12"/>
        <text x="413" y="${102 + 30 * k}">${label}</text>`,
    );
    const [first] = shown;
    const most = Math.max(...(first?.parts ?? [0]));
    return {
      text: first
        ? `The first suggestion is ${first.word}, with probability ${first.score.toFixed(3)}, of which ` +
          `${((100 * most) / first.score).toFixed(0)}% comes from the counts ${AFTER[context.length - first.parts.indexOf(most)]}.`
        : `No word of the text begins with ${typed}.`,
      svg: `<svg viewBox="0 0 600 225"><text x="130" y="22">probability, and which counts it comes from</text>
        ${bars.join("")}${legend.join("")}</svg>`,
    };
  }
}

customElements.define("widget-ngram-keyboard", Keyboard);
