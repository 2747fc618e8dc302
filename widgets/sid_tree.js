// The tree of semantic IDs. The reader chooses a film, the levels and the codes of residual k-means, and
// the weight of the year, and sees the film's path and the films with which it shares codes.
import { Widget } from "./widget.js";

/** Titles, years and genres; which genres a film has, we decided. */
export const FILMS = [
  ["Casablanca", 1942, "drama romance"],
  ["Some Like It Hot", 1959, "comedy crime romance"],
  ["Psycho", 1960, "crime horror"],
  ["The Godfather", 1972, "crime drama"],
  ["Jaws", 1975, "action horror"],
  ["Star Wars", 1977, "action sci-fi"],
  ["Alien", 1979, "horror sci-fi"],
  ["The Shining", 1980, "horror"],
  ["The Terminator", 1984, "action sci-fi"],
  ["Back to the Future", 1985, "comedy sci-fi"],
  ["Aliens", 1986, "action horror sci-fi"],
  ["Pretty Woman", 1990, "comedy romance"],
  ["Reservoir Dogs", 1992, "crime drama"],
  ["Groundhog Day", 1993, "comedy romance"],
  ["Pulp Fiction", 1994, "comedy crime"],
  ["The Lion King", 1994, "animation drama"],
  ["Toy Story", 1995, "animation comedy"],
  ["Fargo", 1996, "comedy crime"],
  ["Titanic", 1997, "drama romance"],
  ["The Matrix", 1999, "action sci-fi"],
  ["Notting Hill", 1999, "comedy romance"],
  ["Shrek", 2001, "animation comedy"],
  ["Finding Nemo", 2003, "animation comedy"],
  ["Up", 2009, "animation drama"],
];

export const controls = {
  film: { label: "film", options: Object.fromEntries(FILMS.map(([title], i) => [i, title])), value: "17" },
  levels: { label: "levels", min: 1, max: 4, step: 1, value: 3 },
  codes: { label: "codes of a level", min: 2, max: 6, step: 1, value: 3 },
  year: { label: "weight of the year", min: 0, max: 2, step: 0.1, value: 0.5 },
};

/** Genres as a vector of length 1, and the standardized year. @returns {number[][]} */
export function contents(films, yearWeight) {
  const genres = films.map(([, , words]) => words.split(" "));
  const names = [...new Set(genres.flat())].sort();
  const years = films.map(([, year]) => year);
  const mean = years.reduce((sum, year) => sum + year, 0) / years.length;
  const spread = Math.sqrt(years.reduce((sum, year) => sum + (year - mean) ** 2, 0) / years.length);
  return genres.map((has, i) => [
    ...names.map((name) => (has.includes(name) ? 1 / Math.sqrt(has.length) : 0)),
    (yearWeight * (years[i] - mean)) / spread,
  ]);
}

const minus = (a, b) => a.map((value, i) => value - b[i]);
const squared = (a) => a.reduce((sum, value) => sum + value * value, 0);

/** Number of the entry at the least distance, the lowest one in a tie. @returns {number} */
export function nearestEntry(x, codebook) {
  const distances = codebook.map((entry) => squared(minus(x, entry)));
  return distances.indexOf(Math.min(...distances));
}

/** Moves each center to the mean of its vectors, and repeats; one without vectors stays. */
export function kMeans(vectors, centers, rounds) {
  let moved = centers;
  for (let round = 0; round < rounds; round++) {
    const near = vectors.map((x) => nearestEntry(x, moved));
    moved = moved.map((center, k) => {
      const own = vectors.filter((_, i) => near[i] === k);
      return own.length ? center.map((_, a) => own.reduce((sum, x) => sum + x[a], 0) / own.length) : center;
    });
  }
  return moved;
}

/** The first vector, then again and again the one farthest from all that were chosen. */
function starts(vectors, codes) {
  const chosen = [vectors[0]];
  while (chosen.length < codes) {
    const gaps = vectors.map((x) => Math.min(...chosen.map((start) => squared(minus(x, start)))));
    chosen.push(vectors[gaps.indexOf(Math.max(...gaps))]);
  }
  return chosen;
}

/** Residual k-means: each level's entries are centers of its residuals. @returns {number[][][]} */
export function fitCodebooks(vectors, levels, codes) {
  let left = vectors;
  return Array.from({ length: levels }, () => {
    const codebook = kMeans(left, starts(left, codes), 10);
    left = left.map((x) => minus(x, codebook[nearestEntry(x, codebook)]));
    return codebook;
  });
}

/**
 * Quantizes a vector, then what is left, level by level.
 * @param {number[]} z
 * @param {number[][][]} codebooks
 * @returns {{codes: number[], left: number[]}} Codes, and what remains after the last level.
 */
export function residualQuantize(z, codebooks) {
  let left = z;
  const codes = codebooks.map((codebook) => {
    const code = nearestEntry(left, codebook);
    left = minus(left, codebook[code]);
    return code;
  });
  return { codes, left };
}

/** How many of the first codes two IDs share. @param {number[]} a @param {number[]} b @returns {number} */
export function shared(a, b) {
  const end = a.findIndex((code, level) => code !== b[level]);
  return end === -1 ? a.length : end;
}

/** Numbers with the same key together, in their order. @returns {number[][]} */
function groups(numbers, keyOf) {
  const made = new Map();
  for (const i of numbers) made.set(keyOf(i), [...(made.get(keyOf(i)) ?? []), i]);
  return [...made.values()];
}

class Tree extends Widget {
  format(name, value) {
    return name === "year" ? value.toFixed(1) : String(value);
  }

  draw({ film, levels, codes, year }) {
    const vectors = contents(FILMS, year);
    const codebooks = fitCodebooks(vectors, levels, codes);
    const ids = vectors.map((z) => residualQuantize(z, codebooks).codes);
    const own = ids[film];
    const common = ids.map((id) => shared(own, id));
    const order = ids.map((id, i) => ({ i, key: id.join("-") })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i));
    const row = new Map(order.map(({ i }, place) => [i, place]));
    const x = (level) => 20 + (290 * level) / (levels + 1);
    const y = (items) => 20 + (225 * items.reduce((sum, i) => sum + row.get(i), 0)) / items.length / (FILMS.length - 1);
    const lines = [];
    const marks = [];
    for (let level = 0; level <= levels; level++) {
      for (const items of groups(ids.keys(), (i) => ids[i].slice(0, level).join("-"))) {
        for (const below of groups(items, (i) => ids[i][level] ?? i)) {
          const onPath = below.includes(Number(film));
          const line = `<path class="${onPath ? "s1" : "axis"}" ${onPath ? "" : 'opacity="0.5"'} d="M${x(level)},${y(items)}L${x(level + 1)},${y(below)}"/>`;
          onPath ? lines.push(line) : lines.unshift(line);
          if (onPath && level < levels) {
            marks.push(`<circle class="f1" cx="${x(level + 1)}" cy="${y(below)}" r="4"/>
              <text x="${x(level + 1)}" y="${y(below) - 8}" text-anchor="middle">${own[level]}</text>`);
          }
        }
      }
    }
    const dots = ids.map((_, i) => {
      const kind = i === Number(film) ? "f1" : common[i] === levels ? "f3" : common[i] ? "f2" : "f0";
      return `<circle class="${kind}" cx="${x(levels + 1)}" cy="${y([i])}" r="4"/>`;
    });
    const alike = order.map(({ i }) => i).filter((i) => common[i] && i !== Number(film)).sort((a, b) => common[b] - common[a]);
    const list = alike.slice(0, alike.length > 8 ? 7 : 8).map(
      (i, place) => `<text x="345" y="${52 + 26 * place}" style="fill: var(--c${common[i] === levels ? 3 : 2})">${common[i]}: ${FILMS[i][0]}</text>`,
    );
    if (alike.length > 8) list.push(`<text x="345" y="234">and ${alike.length - 7} more</text>`);
    const distinct = new Set(ids.map(String)).size;
    const same = alike.filter((i) => common[i] === levels).length;
    return {
      text:
        `${FILMS[film][0]} has the ID ${own.join("-")}, which ${same} other ${same === 1 ? "film has" : "films have"}, too; ` +
        `the ${FILMS.length} films have ${distinct} different IDs.`,
      svg: `<svg viewBox="0 0 600 265">${lines.join("")}${dots.join("")}${marks.join("")}
        <text x="345" y="24">common first codes</text>${list.join("")}</svg>`,
    };
  }
}

customElements.define("widget-sid-tree", Tree);
