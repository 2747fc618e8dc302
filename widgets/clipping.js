// The clipped objective of PPO and GRPO, for one token.

/** The smaller of r A and clip(r) A. @param {number} ratio @returns {number} */
export function clippedObjective(ratio, advantage, epsilon) {
  const clipped = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilon);
  return Math.min(ratio * advantage, clipped * advantage);
}

/** Whether clipping takes the gradient away. @param {number} ratio @returns {boolean} */
export function silent(ratio, advantage, epsilon) {
  return advantage > 0 ? ratio > 1 + epsilon : advantage < 0 && ratio < 1 - epsilon;
}
