// Masks of attention.

/** Which keys each query may see. @param {number} seq @param {boolean} causal @param {number} window */
export function mask(seq, causal, window) {
  const every = Array.from({ length: seq }, (_, i) => i);
  return every.map((i) => every.map((j) => (causal ? j <= i && i - j < window : Math.abs(i - j) < window)));
}
